import { Broken, away, metadata, readable, refused } from './wire.js';

const type = 'application/offset+octet-stream';
const patience = 4;          // answers in a row that something is wrong on the server, or that it is busy

// Brings one file to the server by tus 1.0.0 and says how it ended: { code, sentence, mendedName }, where code is null when it is stored, then
// with sha256 as the server has it. It goes on after everything that passes by itself, and gives up on what does not.
//
// item: file, name, onConflict, folder, source, idempotencyKey, unfinished (somebody began it before: ask how far before sending), and what
// becomes of it here, to be kept for the next time: url (null at first), offset, sent (bytes that are there or on their way), moved (bytes handed
// over, resent ones too), offline (it waits for the line), begun (the server may know of it).
export async function transfer(item, wire, signal) {
    const { file } = item;
    let failures = 0, unsure = item.url !== null, wrong = 0, locked = 0;
    for (;;) {
        const before = item.offset;
        const step = item.url === null ? create : unsure ? look : append;
        let answer;
        try {
            answer = await step(item, wire, signal);
        } catch (broken) {
            item.sent = item.offset;
            if (!(broken instanceof Broken)) throw broken;
            if (!await readable(file)) return { code: 'Unreadable' };
            await later();
            continue;
        }
        const { status } = answer;
        // Known by its name from now on, even if it was paused from elsewhere before its first bytes were through.
        if (step === create) item.url = answer.header('Location');
        item.sent = item.offset;
        if (status === 200 || status === 201 || status === 204) {
            item.offline = false;
            item.offset = item.sent = Number(answer.header('Upload-Offset') ?? item.offset);
            if (answer.header('Upload-File') !== null) return { code: null, sha256: digest(answer.header('Repr-Digest')) };
            if (answer.header('Upload-Paused') !== null) return { code: 'Paused' };
            unsure = false;
            locked = 0;
            if (item.offset > before) failures = wrong = 0;
            // The line is there: if sending breaks again, the reason is another, and a smaller chunk is tried soon.
            else if (step === look) failures = Math.min(failures, 2);
            // Nothing moved although nothing was wrong: not again in the same instant.
            else if (step === append) await later();
        } else if (status === 413 && !answer.json?.code) {
            if (!wire.tooLarge(Math.min(wire.chunk, file.size - item.offset))) return refused(answer);
        } else if (away(answer)) {
            await later();
        } else if (status === 429 && [undefined, 'TooMany'].includes(answer.json?.code)) {
            unsure = true;
            await wire.wait(failures++, signal, 1000 * (Number(answer.header('Retry-After')) || 1));
        } else if (answer.json?.code === 'Paused' || answer.json?.code === 'Asking') {
            return refused(answer);
        } else if (status === 423) {
            // Busy, or, as the answer to HEAD has no body to tell them apart, Asking. The first passes.
            if (step === look && ++locked === patience) return { code: 'Asking' };
            await later();
        } else if (status === 409 && step === append && [undefined, 'WrongOffset'].includes(answer.json?.code)) {
            // Somewhere else the same file is being sent to the same place: the newest goes first.
            unsure = true;
            await wire.wait(failures++, signal, 1000);
        } else if ((status === 404 || status === 410) && step !== create) {
            return { code: 'Gone' };
        } else if (status >= 500 && [undefined, 'ServerError'].includes(answer.json?.code) && ++wrong < patience) {
            await later();
        } else {
            return refused(answer);
        }
    }

    // Asks how far it got before it goes on, once the line may be back.
    async function later() {
        unsure = true;
        item.offline = failures > 0 || !navigator.onLine;
        await wire.wait(failures++, signal);
    }
}

// Ends an upload on the server, also one of which it is not known whether it began. Nobody waits for it: what it cannot reach is listed as
// unfinished, and ends by itself in a day.
export async function discard(item, wire) {
    for (let failures = 0; failures < 6; failures++) {
        try {
            if (item.url === null) {
                const answer = await create({ ...item, unfinished: true }, wire);
                item.url = answer.header('Location');
                if (item.url === null || answer.header('Upload-File') !== null) return;
            }
            if (!away(await wire.request('DELETE', item.url, { headers: { 'Tus-Resumable': '1.0.0' } }))) return;
        } catch { /* the line is broken */ }
        await wire.wait(failures);
    }
}

async function create(item, wire, signal) {
    // Bytes go along, which saves a round trip, unless it was begun before: then they might be there already.
    const body = item.unfinished || item.begun ? null : item.file.slice(0, wire.chunk);
    item.begun = true;
    return await send(item, wire, signal, 'POST', 'uploads', body, {
        'Upload-Length': item.file.size,
        'Upload-Metadata': metadata({ filename: item.name, onconflict: item.onConflict, folder: item.folder, source: item.source }),
        'Idempotency-Key': item.idempotencyKey,
    });
}

const look = (item, wire, signal) => wire.request('HEAD', item.url, { headers: { 'Tus-Resumable': '1.0.0' }, signal });

const append = (item, wire, signal) => send(item, wire, signal, 'PATCH', item.url,
    item.file.slice(item.offset, item.offset + wire.chunk), { 'Upload-Offset': item.offset });

async function send(item, wire, signal, method, url, body, headers) {
    const began = performance.now(), from = item.offset;
    let moved = 0;
    headers['Tus-Resumable'] = '1.0.0';
    if (body) headers['Content-Type'] = type;
    try {
        const answer = await wire.request(method, url, {
            headers, body, signal,
            sent: bytes => {
                item.moved += bytes - moved;
                item.sent = from + (moved = bytes);
                item.offline = false;
            },
        });
        if (body && answer.status < 300) wire.arrived(body.size, performance.now() - began);
        return answer;
    } catch (broken) {
        if (broken instanceof Broken && moved > 0) wire.broke();
        throw broken;
    }
}

// RFC 9530, Repr-Digest: sha-256=:base64:, as hex; null where there is none.
function digest(header) {
    const found = /sha-256=:([A-Za-z0-9+/=]+):/.exec(header ?? '');
    return found && Array.from(atob(found[1]), letter => letter.charCodeAt(0).toString(16).padStart(2, '0')).join('');
}
