using System.Buffers;
using System.IO.Pipelines;

namespace BlazorFileHost.Uploads;

/// <summary>
/// A request's body of which a read can be given up, and the rest read later. Kestrel's own stream cannot do that: where the length is known, a
/// read that its token has cancelled counts as running for ever, and every further one, the draining of the rest too, fails with "Reading is already
/// in progress". Forward and asynchronous only.
/// </summary>
internal sealed class RequestBytes(HttpRequest request) : Stream
{
    private readonly PipeReader reader = request.BodyReader;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
        {
            return 0;
        }

        await using var wake = cancellationToken.UnsafeRegister(static reader => ((PipeReader)reader!).CancelPendingRead(), reader);
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var result = await reader.ReadAsync(CancellationToken.None);
            var taken = result.Buffer.Slice(0, Math.Min(buffer.Length, result.Buffer.Length));
            var count = (int)taken.Length;
            taken.CopyTo(buffer.Span);
            reader.AdvanceTo(taken.End);

            // Neither bytes nor the end: woken, by this token or late by that of a read before.
            if (count > 0 || result.IsCompleted)
            {
                return count;
            }
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
