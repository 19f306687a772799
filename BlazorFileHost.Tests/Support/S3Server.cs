using System.Data.Common;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using BlazorFileHost.Storage;

namespace BlazorFileHost.Tests.Support;

public enum S3Kind
{
    Ceph,
    Swift,
}

/// <summary>A real S3 service for tests: one bucket for all, and a prefix of its own for each test.</summary>
public sealed class S3Server
{
    public const string Bucket = "filehost-tests";

    private static readonly Lazy<Task<S3Server>> Ceph = new(() => ConnectAsync(S3Kind.Ceph)), Swift = new(() => ConnectAsync(S3Kind.Swift));

    private readonly DbConnectionStringBuilder settings;

    private S3Server(string settings)
    {
        this.settings = new DbConnectionStringBuilder { ConnectionString = settings };
        Client = new AmazonS3Client(
            new BasicAWSCredentials(Of("AccessKey"), Of("SecretKey")),
            new AmazonS3Config
            {
                ServiceURL = Of("Endpoint"),
                ForcePathStyle = true,
                AuthenticationRegion = "us-east-1",
                RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
                ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            });
    }

    /// <summary>To look behind the storage's back.</summary>
    public IAmazonS3 Client { get; }

    public Uri Endpoint => new(Of("Endpoint"));

    public static Task<S3Server> OfAsync(S3Kind kind) => (kind == S3Kind.Ceph ? Ceph : Swift).Value;

    /// <summary>Why tests on it are not run here; null when they are. A build that calls itself CI has one or fails.</summary>
    public static string? WhyNot(S3Kind kind)
        => string.IsNullOrEmpty(Environment.GetEnvironmentVariable(VariableOf(kind))) && Environment.GetEnvironmentVariable("CI") != "true"
            ? $"No {kind}: set {VariableOf(kind)} to what Servers/{kind.ToString().ToLowerInvariant()}-s3.sh start prints."
            : null;

    /// <param name="address">Another way to it than straight.</param>
    public S3Options Options(string prefix, Uri? address = null) => new()
    {
        Endpoint = (address ?? Endpoint).ToString(),
        Bucket = Bucket,
        AccessKey = Of("AccessKey"),
        SecretKey = Of("SecretKey"),
        Prefix = prefix,
    };

    /// <summary>The same for the app.</summary>
    public Dictionary<string, string> Settings(string prefix, Uri? address = null)
    {
        var options = Options(prefix, address);
        return new()
        {
            ["Storage:Kind"] = "S3",
            ["Storage:S3:Endpoint"] = options.Endpoint,
            ["Storage:S3:Bucket"] = options.Bucket,
            ["Storage:S3:AccessKey"] = options.AccessKey,
            ["Storage:S3:SecretKey"] = options.SecretKey,
            ["Storage:S3:Prefix"] = prefix,
        };
    }

    public async Task<List<S3Object>> ObjectsAsync(string prefix)
    {
        var found = new List<S3Object>();
        string? next = null;
        do
        {
            var page = await Client.ListObjectsV2Async(new ListObjectsV2Request { BucketName = Bucket, Prefix = prefix, ContinuationToken = next });
            found.AddRange(page.S3Objects ?? []);
            next = page.IsTruncated is true ? page.NextContinuationToken : null;
        }
        while (next is not null);
        return found;
    }

    public async Task<List<MultipartUpload>> UploadsAsync(string prefix)
        => (await Client.ListMultipartUploadsAsync(new ListMultipartUploadsRequest { BucketName = Bucket, Prefix = prefix })).MultipartUploads ?? [];

    private static string VariableOf(S3Kind kind) => $"FILEHOST_TEST_{kind.ToString().ToUpperInvariant()}";

    private static async Task<S3Server> ConnectAsync(S3Kind kind)
    {
        var server = new S3Server(Environment.GetEnvironmentVariable(VariableOf(kind))
            ?? throw new InvalidOperationException($"This build calls itself CI, and {VariableOf(kind)} is not set."));
        try
        {
            await server.Client.PutBucketAsync(Bucket);
        }
        catch (BucketAlreadyOwnedByYouException)
        {
            // By the run before.
        }

        return server;
    }

    private string Of(string name) => (string)settings[name];
}
