using Microsoft.AspNetCore.Components.Web.Virtualization;
using Microsoft.JSInterop;

namespace BlazorFileHost.Files;

/// <summary>Rows or tiles, as the person had it last in this browser.</summary>
public sealed partial class FileListing
{
    private const int TileHeight = 184;

    private Virtualize<TileRow>? tileRows;
    private int columns = 4;

    private bool AsTiles => desk.Tiles == true;

    /// <summary>How many entries stand side by side.</summary>
    private int Across => AsTiles ? columns : 1;

    private int Lines => (Entries + Across - 1) / Across;

    /// <summary>The browser's word of how many tiles have room side by side.</summary>
    [JSInvokable]
    public async Task Columns(int room)
    {
        columns = Math.Clamp(room, 1, 50);
        if (AsTiles)
        {
            StateHasChanged();
            await RevealAsync();
        }
    }

    private async Task ViewAsync(bool asTiles)
    {
        desk.Tiles = asTiles;
        if (module is not null)
        {
            await module.InvokeVoidAsync("remember", asTiles ? "tiles" : "rows");
        }
    }

    private async Task RecallViewAsync()
    {
        if (module is not null && desk.Tiles is null)
        {
            desk.Tiles = await module.InvokeAsync<string?>("recall") == "tiles";
            StateHasChanged();
        }
    }

    private async ValueTask<ItemsProviderResult<TileRow>> ProvideTilesAsync(ItemsProviderRequest request)
    {
        var across = columns;
        var page = await ProvideAsync(new ItemsProviderRequest(request.StartIndex * across, request.Count * across, request.CancellationToken));
        return new ItemsProviderResult<TileRow>(
            page.Items.Chunk(across).Select((entries, at) => new TileRow(request.StartIndex + at, entries)), (page.TotalItemCount + across - 1) / across);
    }

    private sealed record TileRow(int Index, IReadOnlyList<Entry> Entries);
}
