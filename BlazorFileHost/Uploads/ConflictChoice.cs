using BlazorFileHost.Files;

namespace BlazorFileHost.Uploads;

/// <param name="OnConflict">Null: leave it out.</param>
internal sealed record ConflictChoice(OnConflict? OnConflict, bool ForAll);
