using Microsoft.Extensions.Options;

namespace BlazorFileHost.Storage;

/// <summary>Which bucket keeps the bytes, and how it is reached. Section <c>Storage:S3</c>; looked at only where <c>Storage:Kind</c> is <c>S3</c>.</summary>
public sealed class S3Options
{
    public const string Section = $"{StorageOptions.Section}:S3";

    /// <summary>Where the service answers, as in <c>https://s3.example.org</c>. Over plain http what is stored can be read on its way.</summary>
    public string Endpoint { get; set; } = "";

    /// <summary>Must be there: it is never made.</summary>
    public string Bucket { get; set; } = "";

    public string AccessKey { get; set; } = "";

    public string SecretKey { get; set; } = "";

    public string Region { get; set; } = "us-east-1";

    /// <summary>Comes before every key in the bucket, so that several may share one: empty, or words with slashes between. One is added at its end.</summary>
    public string Prefix { get; set; } = "";

    /// <summary>Whether downloads are sent by the bucket itself: the browser is shown there by a link that holds for a minute.</summary>
    public bool DirectDownloads { get; set; }

    /// <summary>How long the service may make no progress before a call is given up.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long it may take to answer a connection.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>With the slash at its end, or empty: what is listed below <c>tenant1/</c> is never <c>tenant10</c>'s.</summary>
    internal string Root => Prefix.Trim('/') is { Length: > 0 } words ? words + "/" : "";

    /// <summary>Sentences that name the key and the choices; none repeats a secret.</summary>
    internal IEnumerable<string> Complaints()
    {
        if (!Uri.TryCreate(Endpoint, UriKind.Absolute, out var address)
            || (address.Scheme != Uri.UriSchemeHttps && address.Scheme != Uri.UriSchemeHttp)
            || address.UserInfo.Length + address.Query.Length + address.Fragment.Length > 0)
        {
            yield return $"{Section}:{nameof(Endpoint)} must be the address of an S3 service: https://host or http://host, with a port where it needs one.";
        }

        if (Bucket.Length is < 1 or > 255 || Bucket.Any(letter => !(char.IsAsciiLetterOrDigit(letter) || letter is '-' or '.' or '_')))
        {
            yield return $"{Section}:{nameof(Bucket)} must be the name of a bucket: letters, digits, '-', '.' and '_'.";
        }

        if (AccessKey.Length == 0 || SecretKey.Length == 0)
        {
            yield return $"{Section}:{nameof(AccessKey)} and {Section}:{nameof(SecretKey)} must both be given.";
        }

        if (Region.Length == 0)
        {
            yield return $"{Section}:{nameof(Region)} must not be empty; where the service has none, us-east-1.";
        }

        if (Prefix.Trim('/').Split('/') is var words && Prefix.Trim('/').Length > 0 && words.Any(word => word is "" or "." or ".."
            || word.Any(letter => !(char.IsAsciiLetterOrDigit(letter) || letter is '-' or '.' or '_'))))
        {
            yield return $"{Section}:{nameof(Prefix)} must be empty or words of letters, digits, '-', '.' and '_' with single slashes between.";
        }

        if (Timeout < TimeSpan.FromSeconds(1) || ConnectTimeout < TimeSpan.FromSeconds(1))
        {
            yield return $"{Section}:{nameof(Timeout)} and {Section}:{nameof(ConnectTimeout)} must be a second or more, as in 00:00:30.";
        }
    }
}
