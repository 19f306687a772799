import { Broken, away, metadata, readable, refused } from './wire.js';
import { digest } from './hashing.js';

const boundary = '----blazorfilehost-batch';
const patience = 3;          // failures in a row, after which a batch is sent in halves

// Brings small files to the server, many in one request, and says of each how it ended, in order: as transfer does, and whether the hash of
// what was read here is that of what was stored there (verified). A batch whose answer was lost can be sent again: the server takes the same
// content under the same name for the same file.
//
// items: file, name, onConflict, folder; and what becomes of them here: sent, offline.
export async function sendBatch(items, wire, signal) {
    // Read before anything is sent: a file that cannot be read hurts no other, and what is hashed is what is sent.
    const parts = await Promise.all(items.map(async item => {
        try {
            const bytes = new Uint8Array(await item.file.arrayBuffer());
            return { item, bytes, sha256: await digest(bytes), end: null };
        } catch {
            return { item, end: { code: 'Unreadable' } };
        }
    }));
    await sendParts(parts.filter(part => !part.end), wire, signal);
    return parts.map(part => part.end);
}

async function sendParts(parts, wire, signal) {
    let failures = 0;
    while (parts.length > 0) {
        const total = parts.reduce((sum, part) => sum + part.bytes.length, 0);
        let answer;
        try {
            answer = await wire.request('POST', 'uploads/batch', {
                headers: { 'Content-Type': `multipart/form-data; boundary=${boundary}` }, body: compose(parts), signal,
                sent: bytes => tell(parts, bytes),
            });
        } catch (broken) {
            if (!(broken instanceof Broken)) throw broken;
        }
        if (answer?.status === 200 && Array.isArray(answer.json) && answer.json.length === parts.length) {
            for (const [at, stored] of answer.json.entries()) {
                parts[at].end = stored.code
                    ? { code: stored.code, sentence: stored.sentence ?? null, mendedName: stored.mendedName ?? null }
                    : { code: null, verified: stored.sha256 === parts[at].sha256 };
            }
            return;
        }
        tell(parts, 0);
        const tooLarge = answer?.status === 413 && !answer.json?.code;
        if (tooLarge) wire.batchBytes = Math.max(1, Math.min(wire.batchBytes, Math.floor(total / 2)));
        else if (answer?.status === 429) await wire.wait(failures++, signal, 1000 * (Number(answer.header('Retry-After')) || 1));
        else if (!answer || away(answer) || (answer.status >= 500 && failures < 2 * patience)) {
            for (const part of parts) part.item.offline = failures > 0 || !navigator.onLine;
            await wire.wait(failures++, signal);
        } else {
            for (const part of parts) part.end = refused(answer);
            return;
        }
        if (parts.length > 1 && (tooLarge || failures >= patience)) {
            await sendParts(parts.slice(0, parts.length >> 1), wire, signal);
            parts = parts.slice(parts.length >> 1);
            failures = 0;
        } else if (tooLarge) {
            parts[0].end = refused(answer);
            return;
        }
    }
}

// How far each is, when so much of them all was sent.
function tell(parts, bytes) {
    for (const { item, bytes: { length } } of parts) {
        item.sent = Math.max(0, Math.min(length, bytes));
        if (bytes > 0) item.offline = false;
        bytes -= length;
    }
}

// RFC 7578. The real name goes in the metadata, in base64, where no quote or line break can break anything. A Blob, because Chromium takes seven
// times as long to send the same bytes as an array (156).
const compose = parts => new Blob([...parts.flatMap(({ item, bytes, sha256 }) => [
    `\r\n--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="file"\r\nUpload-Metadata: `,
    metadata({ filename: item.name, onconflict: item.onConflict, folder: item.folder, sha256 }), '\r\n\r\n', bytes,
]), `\r\n--${boundary}--\r\n`]);
