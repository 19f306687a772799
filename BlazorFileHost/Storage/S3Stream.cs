using Amazon.S3.Model;

namespace BlazorFileHost.Storage;

/// <summary>
/// A blob in the bucket, read forward from wherever it is sought: one request for each run. A broken one is taken up where it broke; bytes of
/// another object under the same key are never mixed in. Only asynchronous reads.
/// </summary>
internal sealed class S3Stream(S3Door door, string key, long length, string etag) : Stream
{
    /// <summary>How often reading is tried again without a single byte in between.</summary>
    private const int MostTries = 4;

    private GetObjectResponse? response;
    private long responseAt;
    private long position;
    private bool disposed;

    public override bool CanRead => !disposed;

    public override bool CanSeek => !disposed;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position
    {
        get => position;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            position = value;
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        cancellationToken.ThrowIfCancellationRequested();
        if (position >= length || buffer.Length == 0)
        {
            return 0;
        }

        for (var attempt = 1; ; attempt++)
        {
            if (response is null || responseAt != position)
            {
                await OpenAsync(cancellationToken).ConfigureAwait(false);
            }

            try
            {
                var read = await door.ReadAsync(
                    response!.ResponseStream, buffer[..(int)Math.Min(buffer.Length, length - position)], cancellationToken).ConfigureAwait(false);
                if (read > 0)
                {
                    responseAt = position += read;
                    return read;
                }

                throw new StorageUnavailableException("The object storage broke off in the middle of a blob.");
            }
            catch (StorageUnavailableException) when (attempt < MostTries)
            {
                HangUp();
                await Task.Delay(Random.Shared.Next(50, 150) << attempt, cancellationToken).ConfigureAwait(false);
            }
            catch
            {
                HangUp();
                throw;
            }
        }
    }

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => position + offset,
        _ => length + offset,
    };

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Read it asynchronously.");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    protected override void Dispose(bool disposing)
    {
        disposed = true;
        HangUp();
        base.Dispose(disposing);
    }

    private async Task OpenAsync(CancellationToken cancellation)
    {
        HangUp();
        response = await door.CallAsync(
            (client, token) => client.GetObjectAsync(
                new GetObjectRequest { BucketName = door.Bucket, Key = key, EtagToMatch = etag, ByteRange = new ByteRange(position, length - 1) }, token),
            cancellation,
            gone => gone.StatusCode is System.Net.HttpStatusCode.NotFound or System.Net.HttpStatusCode.PreconditionFailed).ConfigureAwait(false)
            ?? throw new IOException("The blob was removed while it was being read.");
        responseAt = position;
    }

    private void HangUp()
    {
        response?.Dispose();
        response = null;
    }
}
