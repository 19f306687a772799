using BlazorFileHost.Components;

namespace BlazorFileHost.Files;

/// <summary>How many, in words.</summary>
internal static class Amount
{
    public static string Files(int files) => files == 1 ? "1 file" : $"{files:N0} files";

    public static string Folders(int folders) => folders == 1 ? "1 folder" : $"{folders:N0} folders";

    /// <summary>"2 folders and 3 files", and of nothing "0 files".</summary>
    public static string Of(int folders, int files) => folders == 0 ? Files(files) : files == 0 ? Folders(folders) : $"{Folders(folders)} and {Files(files)}";

    public static string Of(FileSummary all) => Of(all.Folders, all.Count);

    /// <summary>"30 days", "12 hours", "5 minutes".</summary>
    public static string Time(TimeSpan time)
        => time.TotalDays >= 2 || time == TimeSpan.FromDays(1) ? Number((int)time.TotalDays, "day") : time.TotalHours >= 1 ? Number((int)time.TotalHours, "hour")
            : Number(Math.Max(1, (int)time.TotalMinutes), "minute");

    private static string Number(int count, string what) => count == 1 ? $"1 {what}" : $"{count:N0} {what}s";

    public static string Of(FolderContents contents) => (contents.Folders, contents.Files) switch
    {
        (var folders, 0) => Folders(folders),
        (0, var files) => $"{Files(files)} · {ByteSize.Humane(contents.Bytes)}",
        var (folders, files) => $"{Folders(folders)}, {Files(files)} · {ByteSize.Humane(contents.Bytes)}",
    };
}
