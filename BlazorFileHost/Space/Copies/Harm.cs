namespace BlazorFileHost.Space.Copies;

/// <summary>What is wrong with a blob.</summary>
/// <param name="Code">One of <see cref="FindingCode"/>.</param>
internal sealed record Harm(string Code, string Sentence);
