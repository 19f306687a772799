using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using AngleSharp.Dom;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Live;
using BlazorFileHost.Storage;
using Bunit;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.RenderTree;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Radzen;

namespace BlazorFileHost.Tests.Support;

/// <summary>
/// Ground for tests of components: the real library over a database and a storage of their own, time by hand, and a browser of which
/// only Radzen's calls are let through; every other call has to be set up.
/// </summary>
public abstract class PageTest : BunitContext, IAsyncLifetime
{
    private TestDatabase database = null!;

    /// <summary>Whether an exception may reach the renderer, which in a browser is the end of the page.</summary>
    protected bool CircuitEnds { get; set; }

    protected HandClock Clock { get; } = new();

    protected LogBook Log { get; } = new();

    protected MemoryStorage Storage { get; } = new();

    private protected StubbornContexts Contexts { get; private set; } = null!;

    protected Guid Owner { get; private set; }

    protected FileChanges Changes => Services.GetRequiredService<FileChanges>();

    protected FileLibrary Library => Services.GetRequiredService<FileLibrary>();

    public virtual async Task InitializeAsync()
    {
        database = await TestDatabase.CreateAsync();
        Owner = (await database.AddUserAsync()).Id;
        Contexts = new(database.Contexts);
        Services.AddLogging(log => log.ClearProviders().AddProvider(Log).AddFilter("Microsoft", LogLevel.Warning));
        Services.AddSingleton<TimeProvider>(Clock);
        Services.AddSingleton<IDbContextFactory<FileHostContext>>(Contexts);
        Services.AddSingleton<IFileStorage>(Storage);
        Services.AddSingleton<FileChanges>();
        Services.AddOptions();
        Services.AddScoped<FileLibrary>();
        Services.AddScoped<Desk>();
        Services.AddRadzenComponents();
        Add(Services);
        SetRendererInfo(new RendererInfo("Server", true));
        JSInterop.SetupVoid(call => call.Identifier.StartsWith("Radzen.", StringComparison.Ordinal)).SetVoidResult();
        JSInterop.Setup<string>(call => call.Identifier.StartsWith("Radzen.", StringComparison.Ordinal)).SetResult("");
    }

    /// <summary>What the test needs besides; the first component closes the list.</summary>
    protected virtual void Add(IServiceCollection services)
    {
    }

    async Task IAsyncLifetime.DisposeAsync()
    {
        Contexts.LetGo();
        var broken = Renderer.UnhandledException.IsCompleted;
        await DisposeAsync();
        await database.DisposeAsync();
        Assert.True(broken == CircuitEnds, broken ? "The circuit would have ended." : "The circuit would have gone on.");
    }

    /// <summary>
    /// The click of this element, to be made as often as wanted: the server knows the handler until the browser has drawn that the
    /// element is gone, so the second half of a double click still arrives.
    /// </summary>
    protected Func<Task> ClickOf(IElement element)
    {
        var id = ulong.Parse(element.GetAttribute("blazor:onclick")!, CultureInfo.InvariantCulture);
        var bindings = (IDictionary)typeof(Renderer).GetField("_eventBindings", BindingFlags.NonPublic | BindingFlags.Instance)!.GetValue(Renderer)!;
        var binding = (ITuple)bindings[id]!;
        var handler = Enumerable.Range(0, binding.Length).Select(i => binding[i]).OfType<EventCallback>().Single();
        return () => Renderer.Dispatcher.InvokeAsync(() => handler.InvokeAsync(new MouseEventArgs()));
    }

    /// <summary>Some text under this name, as an upload of another tab brings it in.</summary>
    protected async Task<StoredFile> ReceiveAsync(string name, int size = 10)
        => await Library.ReceiveAsync(Owner, new OfferedFile(name, size), OnConflict.Ask, new MemoryStream([.. Enumerable.Repeat((byte)'x', size)])) is { Value: { } file }
            ? file
            : throw new InvalidOperationException($"{name} was refused.");

    /// <summary>A row that no rule has seen and nobody hears of.</summary>
    protected async Task<StoredFile> PlantAsync(string name, long size = 10, DateTime? modified = null)
        => (await PlantAsync([name], size, modified))[0];

    protected async Task<List<StoredFile>> PlantAsync(IEnumerable<string> names, long size, DateTime? modified = null)
    {
        var then = modified ?? Clock.GetUtcNow().UtcDateTime;
        var files = names.Select(name => new StoredFile
        {
            OwnerId = Owner,
            FolderId = Owner,
            Name = name,
            NameKey = FileName.Key(name),
            Size = size,
            ContentType = "text/plain",
            Sha256 = new byte[32],
            StorageKey = StorageKey.New(Owner).ToString(),
            Created = then,
            Modified = then,
        }).ToList();
        await using var context = database.Contexts.CreateDbContext();
        context.Files.AddRange(files);
        await context.SaveChangesAsync();
        return files;
    }

    protected async Task<List<string>> NamesAsync()
    {
        await using var context = database.Contexts.CreateDbContext();
        return await context.Files.Where(file => file.State == FileState.Live).OrderBy(file => file.NameKey).Select(file => file.Name).ToListAsync();
    }

    /// <summary>Gives out the database's contexts, counts them, and on request fails or makes wait.</summary>
    private protected sealed class StubbornContexts(IDbContextFactory<FileHostContext> contexts) : IDbContextFactory<FileHostContext>
    {
        private TaskCompletionSource? held;
        private TaskCompletionSource? asked;
        private bool onlyNext;
        private int opened;

        /// <summary>How often somebody has asked the database something.</summary>
        public int Opened => Volatile.Read(ref opened);

        public Exception? Failure { get; set; }

        /// <summary>The one time, counted like <see cref="Opened"/>, at which it fails.</summary>
        public int? FailsAt { get; set; }

        /// <summary>Whoever asks from now on waits, or only the next who does. The task ends when somebody does.</summary>
        public Task Hold(bool onlyNext = false)
        {
            this.onlyNext = onlyNext;
            held = new(TaskCreationOptions.RunContinuationsAsynchronously);
            asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
            return asked.Task;
        }

        public void LetGo() => held?.TrySetResult();

        public FileHostContext CreateDbContext()
        {
            var turn = Interlocked.Increment(ref opened);
            return turn == FailsAt ? throw new InvalidOperationException("The database broke.")
                : Failure is not null ? throw Failure
                : contexts.CreateDbContext();
        }

        public async Task<FileHostContext> CreateDbContextAsync(CancellationToken cancellationToken = default)
        {
            if (held is { } wait && (asked!.TrySetResult() || !onlyNext))
            {
                await wait.Task.WaitAsync(cancellationToken);
            }

            return CreateDbContext();
        }
    }
}
