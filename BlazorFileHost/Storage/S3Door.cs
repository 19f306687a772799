using System.Diagnostics.CodeAnalysis;
using System.Net;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace BlazorFileHost.Storage;

/// <summary>
/// The way to the bucket: every request goes through here. It notices a service that hangs, tells its failures in our words, and while the
/// service is down lets callers fail at once instead of queueing them up.
/// </summary>
internal sealed class S3Door : IDisposable
{
    /// <summary>After so many calls in a row that found the service down, each tried several times, nobody asks for <see cref="Rest"/>.</summary>
    private const int MostFailures = 5;

    /// <summary>How often a request is made that fails by itself. One that was given up for want of progress is not: that has taken long enough.</summary>
    private const int MostTries = 4;

    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(5);

    /// <summary>Putting a large object together takes a service its time, and it need not say anything meanwhile.</summary>
    private static readonly TimeSpan Joining = TimeSpan.FromMinutes(10);

    private readonly AmazonS3Client client;
    private readonly HttpClient http;
    private readonly TimeSpan timeout;
    private readonly TimeProvider time;
    private readonly Lock gate = new();
    private int failures;
    private long asked;

    public S3Door(S3Options options, TimeProvider time)
    {
        (this.time, timeout, Bucket) = (time, options.Timeout, options.Bucket);
        Encrypted = new Uri(options.Endpoint).Scheme == Uri.UriSchemeHttps;
        http = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            ConnectTimeout = options.ConnectTimeout,
            MaxConnectionsPerServer = 128,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            UseCookies = false,
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
        client = new AmazonS3Client(
            new BasicAWSCredentials(options.AccessKey, options.SecretKey),
            new AmazonS3Config
            {
                ServiceURL = options.Endpoint,
                AuthenticationRegion = options.Region,
                ForcePathStyle = true,
                UseHttp = !Encrypted,
                IgnoreConfiguredEndpointUrls = true,
                DefaultConfigurationMode = DefaultConfigurationMode.Standard,

                // We try again ourselves: the SDK's waits would count against the patience with a single request.
                MaxErrorRetry = 0,
                Timeout = Timeout.InfiniteTimeSpan,
                RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
                ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
                HttpClientFactory = new OneClient(http),
            });
    }

    public string Bucket { get; }

    /// <summary>Whether what is sent need not be signed byte by byte.</summary>
    public bool Encrypted { get; }

    public static bool IsNotThere(AmazonS3Exception refusal) => refusal.StatusCode == HttpStatusCode.NotFound && refusal.ErrorCode != "NoSuchBucket";

    public void Dispose()
    {
        client.Dispose();
        http.Dispose();
    }

    /// <summary>Calls the service. Null when it refuses in an <paramref name="expected"/> way; every other failure is an <see cref="IOException"/>.</summary>
    /// <param name="anyway">Also while nobody should ask.</param>
    /// <param name="joining">It may take its time.</param>
    public Task<T?> CallAsync<T>(
        Func<IAmazonS3, CancellationToken, Task<T>> call, CancellationToken cancellation, Func<AmazonS3Exception, bool>? expected = null, bool anyway = false,
        bool joining = false)
        where T : class
        => RunAsync((token, _) => call(client, token), expected, anyway, joining ? Joining : timeout, cancellation);

    /// <summary>As <see cref="CallAsync"/>, sending bytes of a spool. It is given up when the service takes no more of them for a while.</summary>
    public Task<T?> SendAsync<T>(
        Spool spool, long from, long length, Func<IAmazonS3, Stream, CancellationToken, Task<T>> send, CancellationToken cancellation,
        Func<AmazonS3Exception, bool>? expected = null)
        where T : class
        => RunAsync(
            async (token, moved) =>
            {
                var bytes = spool.Read(from, length, moved);
                await using (bytes.ConfigureAwait(false))
                {
                    return await send(client, bytes, token).ConfigureAwait(false);
                }
            },
            expected,
            anyway: false,
            timeout,
            cancellation);

    /// <summary>Reads on in an answer.</summary>
    public async Task<int> ReadAsync(Stream answer, Memory<byte> buffer, CancellationToken cancellation)
    {
        using var watch = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        watch.CancelAfter(timeout);
        try
        {
            return await answer.ReadAsync(buffer, watch.Token).ConfigureAwait(false);
        }
        catch (Exception broken) when (!cancellation.IsCancellationRequested)
        {
            throw new StorageUnavailableException("The object storage broke off in the middle of a blob.", broken);
        }
    }

    public Task<string> LinkAsync(GetPreSignedUrlRequest request) => client.GetPreSignedURLAsync(request);

    private static bool IsFull(AmazonS3Exception refusal)
        => refusal.StatusCode == HttpStatusCode.InsufficientStorage

            // Swift says EntityTooLarge of a bucket that is full; nothing we send is too large by itself.
            || refusal.ErrorCode is "QuotaExceeded" or "InsufficientStorage" or "EntityTooLarge" or "XMinioStorageFull" or "XMinioAdminBucketQuotaExceeded";

    private static bool IsDown(AmazonS3Exception refusal)
        => (int)refusal.StatusCode is 0 or 408 or 429 or >= 500 && refusal.StatusCode is not HttpStatusCode.NotImplemented
            || refusal.ErrorCode is "SlowDown" or "RequestTimeout"

            // By then the SDK has set its clock by the service's.
            || refusal.ErrorCode is "RequestTimeTooSkewed";

    [SuppressMessage("Design", "CA1031", Justification = "What the SDK, HTTP and the sockets call by many names is told by one.")]
    private async Task<T?> RunAsync<T>(
        Func<CancellationToken, Action, Task<T>> call, Func<AmazonS3Exception, bool>? expected, bool anyway, TimeSpan patience, CancellationToken cancellation)
        where T : class
    {
        cancellation.ThrowIfCancellationRequested();
        if (!anyway)
        {
            MayAsk();
        }

        for (var attempt = 1; ; attempt++)
        {
            using var watch = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            watch.CancelAfter(patience);
            try
            {
                var answer = await call(watch.Token, () => watch.CancelAfter(patience)).ConfigureAwait(false);
                Answered();
                return answer;
            }
            catch (AmazonS3Exception refusal) when (expected?.Invoke(refusal) is true)
            {
                Answered();
                return null;
            }
            catch (AmazonS3Exception refusal) when (IsFull(refusal))
            {
                Answered();
                throw new StorageFullException("There is no room left in the object storage.", refusal);
            }
            catch (AmazonS3Exception refusal) when (!IsDown(refusal))
            {
                Answered();
                throw new IOException($"The object storage refuses: {refusal.ErrorCode} ({(int)refusal.StatusCode}).", refusal);
            }
            catch (Exception) when (cancellation.IsCancellationRequested)
            {
                throw new OperationCanceledException(cancellation);
            }
            catch (Exception) when (attempt < MostTries && !watch.IsCancellationRequested)
            {
                // Of many that failed together not all come back together.
                await Task.Delay(Random.Shared.Next(150, 300) << (attempt - 1), cancellation).ConfigureAwait(false);
            }
            catch (Exception down)
            {
                Failed();
                throw new StorageUnavailableException("The object storage cannot be reached now.", down);
            }
        }
    }

    private void MayAsk()
    {
        lock (gate)
        {
            if (failures < MostFailures)
            {
                return;
            }

            if (time.GetElapsedTime(asked) < Rest)
            {
                throw new StorageUnavailableException("The object storage cannot be reached now; it is asked again in a few seconds.");
            }

            // One goes and looks; the others wait for what it finds.
            asked = time.GetTimestamp();
        }
    }

    private void Answered()
    {
        lock (gate)
        {
            failures = 0;
        }
    }

    private void Failed()
    {
        lock (gate)
        {
            failures++;
            asked = time.GetTimestamp();
        }
    }

    /// <summary>The SDK's own would neither give up connecting nor ever look up an address again.</summary>
    private sealed class OneClient(HttpClient client) : HttpClientFactory
    {
        public override HttpClient CreateHttpClient(IClientConfig clientConfig) => client;

        public override bool UseSDKHttpClientCaching(IClientConfig clientConfig) => false;

        public override bool DisposeHttpClientsAfterUse(IClientConfig clientConfig) => false;
    }
}
