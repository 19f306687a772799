// The browser's half of UploadBox: takes picked and dropped files, offers them to the page in batches through its <input type="file">,
// sends what the page accepts by plain HTTP, and reports. It goes on sending when the circuit is lost, and reports later.

const batchCount = 200;      // files per message
const batchBytes = 64_000;   // of names per message
const parallel = 3;          // files sent at once
const reportEvery = 250;     // milliseconds
const endedBytes = 60_000;   // of ended files per report

// account: whose uploads these are; what is remembered for one person is not told to the next at this browser.
export function attach(root, page, account) {
    const input = root.querySelector('input[type=file]');
    const items = new Map();      // key -> { file, name, onConflict, attempt, xhr, sent, speed, mark }
    const offers = [];            // files not yet offered
    const queue = [];             // keys accepted, in order
    const running = new Set();    // keys being sent
    let offered = null;           // the batch that waits for its verdicts
    let judged = -1;              // key of the last verdict
    let ended = [];               // reports that the page has not yet taken
    let ours = false;
    let timer = null;
    let sentTotal = 0, speed = 0, mark = null;

    // --- picking and dropping -------------------------------------------------------------------------------------

    function onChange(event) {
        if (event.target !== input || ours) return;
        // Blazor would send the whole selection in one message; a few hundred names end the circuit. Batches go through the same input.
        event.stopPropagation();
        take([...input.files]);
    }

    function take(files) {
        for (const file of files) offers.push(file);
        offerNext();
    }

    function offerNext() {
        if (offered || offers.length === 0) return;
        const transfer = new DataTransfer();
        offered = [];
        let bytes = 0;
        while (offers.length > 0 && offered.length < batchCount && bytes < batchBytes) {
            const file = offers.shift();
            bytes += 120 + file.type.length + new Blob([file.name]).size;
            transfer.items.add(file);
            offered.push(file);
        }
        ours = true;
        input.files = transfer.files;
        input.dispatchEvent(new Event('change', { bubbles: true }));
        ours = false;
    }

    function hasFiles(event) {
        return [...(event.dataTransfer?.types ?? [])].includes('Files') && !input.disabled;
    }

    let depth = 0;
    const over = on => document.documentElement.classList.toggle('dropping', on);
    const onEnter = event => { if (hasFiles(event)) { depth++; over(true); event.preventDefault(); } };
    const onLeave = event => { if (hasFiles(event) && --depth <= 0) { depth = 0; over(false); } };
    const onOver = event => { if (hasFiles(event)) { event.preventDefault(); event.dataTransfer.dropEffect = 'copy'; } };
    const onDrop = event => {
        depth = 0;
        over(false);
        if (!hasFiles(event)) return;
        event.preventDefault();
        const entries = [...event.dataTransfer.items].filter(item => item.kind === 'file');
        const files = entries.filter(item => !item.webkitGetAsEntry?.()?.isDirectory).map(item => item.getAsFile()).filter(file => file);
        const folders = entries.length - files.length;
        if (folders > 0) page.invokeMethodAsync('FoldersDropped', folders).catch(() => { });
        take(files);
    };

    // --- sending --------------------------------------------------------------------------------------------------

    function base64(text) {
        let binary = '';
        for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
        return btoa(binary);
    }

    function pump() {
        while (running.size < parallel && queue.length > 0) send(queue.shift());
        if (running.size > 0 || ended.length > 0) timer ??= setInterval(report, reportEvery);
        document.documentElement.toggleAttribute('data-uploading', running.size > 0 || queue.length > 0);
    }

    function send(key) {
        const item = items.get(key);
        if (!item) return;
        running.add(key);
        item.sent = 0;
        item.speed = 0;
        item.mark = null;
        const xhr = item.xhr = new XMLHttpRequest();
        xhr.open('POST', 'uploads');
        xhr.setRequestHeader('Tus-Resumable', '1.0.0');
        xhr.setRequestHeader('Content-Type', 'application/offset+octet-stream');
        xhr.setRequestHeader('Upload-Length', item.file.size);
        xhr.setRequestHeader('Upload-Metadata', `filename ${base64(item.name)},onconflict ${base64(item.onConflict)}`);
        xhr.upload.onprogress = event => { sentTotal += event.loaded - item.sent; item.sent = event.loaded; };
        xhr.onload = () => finish(key, xhr);
        xhr.onerror = async () => finish(key, null, await readable(item.file) ? 'Network' : 'Unreadable');
        xhr.onabort = () => finish(key, null, 'Cancelled');
        xhr.send(item.file);
    }

    // A file that was changed or removed on disk since it was picked fails like a broken network; reading a byte tells them apart.
    async function readable(file) {
        try {
            await file.slice(0, 1).arrayBuffer();
            await file.slice(Math.max(0, file.size - 1)).arrayBuffer();
            return true;
        } catch {
            return false;
        }
    }

    function finish(key, xhr, code = null) {
        running.delete(key);
        const item = items.get(key);
        const end = { key, attempt: item?.attempt ?? 0, code, sentence: null, mendedName: null };
        if (xhr && xhr.status !== 201) {
            end.code = xhr.status === 401 ? 'SignedOut' : 'Server';
            try {
                const answer = JSON.parse(xhr.responseText);
                end.code = answer.code ?? end.code;
                end.sentence = answer.sentence ?? null;
                end.mendedName = answer.mendedName ?? null;
            } catch { /* not one of our answers: the code says enough */ }
        }
        if (item) {
            item.xhr = null;
            if (end.code === null) {
                sentTotal += item.file.size - item.sent;
                items.delete(key);
            } else {
                sentTotal -= item.sent;
                if (end.code === 'Cancelled') items.delete(key);
            }
        }
        ended.push(end);
        pump();
        if (running.size === 0 && queue.length === 0) report();
    }

    // --- reporting ------------------------------------------------------------------------------------------------

    let reporting = false;
    async function report() {
        if (reporting) return;
        reporting = true;
        try {
            const now = performance.now();
            if (mark === null || sentTotal < mark.sent) {
                mark = { sent: sentTotal, now };
            } else if (now > mark.now) {
                speed = smooth(speed, (sentTotal - mark.sent) * 1000 / (now - mark.now));
                mark = { sent: sentTotal, now };
            }
            const moved = [...running].map(key => {
                const item = items.get(key);
                if (item.mark && now > item.mark.now) item.speed = smooth(item.speed, (item.sent - item.mark.sent) * 1000 / (now - item.mark.now));
                item.mark = { sent: item.sent, now };
                return { key, sent: item.sent, speed: item.speed };
            });
            let bytes = 0;
            const told = ended.filter(end => (bytes += 100 + 3 * ((end.sentence?.length ?? 0) + (end.mendedName?.length ?? 0))) < endedBytes);
            await page.invokeMethodAsync('Report', { moved, ended: told, speed });
            ended = ended.filter(end => !told.includes(end));
            if (running.size === 0 && queue.length === 0 && ended.length === 0) {
                clearInterval(timer);
                timer = mark = null;
                speed = 0;
            }
        } catch {
            // The circuit is away: keep what ended and tell it when it is back.
        } finally {
            reporting = false;
        }
    }

    const smooth = (before, current) => before === 0 ? current : before * 0.8 + current * 0.2;

    const onUnload = event => { if (running.size > 0 || queue.length > 0) event.preventDefault(); };

    // What had not arrived when the page was left is named by the next page of this tab: nobody should have to find out which.
    const memory = `unfinished uploads of ${account}`;
    const onHide = () => {
        const files = [...(offered ?? []), ...offers];
        const names = [...[...items.values()].filter(item => item.name !== null), ...files].map(each => each.name);
        if (names.length > 0) sessionStorage.setItem(memory, JSON.stringify(names));
    };
    async function recall() {
        const names = JSON.parse(sessionStorage.getItem(memory) ?? '[]');
        for (let at = 0; at < names.length; at += batchCount) await page.invokeMethodAsync('Interrupted', names.slice(at, at + batchCount));
        sessionStorage.removeItem(memory);
    }
    recall().catch(() => { /* the circuit is away already; the next page asks again */ });

    const listening = new AbortController();
    const { signal } = listening;
    root.addEventListener('change', onChange, { capture: true, signal });
    for (const [kind, heard] of Object.entries({
        pagehide: onHide, beforeunload: onUnload, dragenter: onEnter, dragleave: onLeave, dragover: onOver, drop: onDrop,
    })) {
        window.addEventListener(kind, heard, { signal });
    }

    return {
        // The page's answer to the batch that was offered last, in its order.
        verdicts(list) {
            // The page tells again what may have been lost with the connection.
            if (list.length > 0 && list[0].key <= judged) return;
            judged = list.at(-1)?.key ?? judged;
            const files = offered ?? [];
            offered = null;
            list.forEach((verdict, at) => {
                if (!files[at]) return;
                items.set(verdict.key, { file: files[at], name: verdict.name, onConflict: 'ask', attempt: 0, xhr: null, sent: 0, speed: 0, mark: null });
                if (verdict.name !== null) queue.push(verdict.key);
            });
            pump();
            offerNext();
        },
        start(starts) {
            for (const { key, attempt, name, onConflict } of starts) {
                const item = items.get(key);
                if (!item || attempt <= item.attempt) continue;
                item.attempt = attempt;
                item.name = name;
                item.onConflict = onConflict;
                queue.push(key);
            }
            pump();
        },
        // Ends them wherever they are; what is forgotten can no longer be retried.
        cancel(keys) {
            const gone = new Set(keys);
            const left = queue.filter(key => !gone.has(key));
            queue.length = 0;
            for (const key of left) queue.push(key);
            const told = new Set(ended.map(end => `${end.key} ${end.attempt}`));
            for (const key of keys) {
                const item = items.get(key);
                // What is not on its way, for whatever reason, ends as well: the page must not wait for it for ever.
                if (item?.xhr) {
                    item.xhr.abort();
                    continue;
                }
                items.delete(key);
                if (!told.has(`${key} ${item?.attempt ?? 0}`)) ended.push({ key, attempt: item?.attempt ?? 0, code: 'Cancelled', sentence: null, mendedName: null });
            }
            pump();
        },
        forget(keys) {
            for (const key of keys) items.delete(key);
        },
        dispose() {
            clearInterval(timer);
            listening.abort();
        }
    };
}
