// The browser's half of UploadBox: takes picked and dropped files, offers them to the page in batches through its <input type="file">,
// sends what the page accepts by plain HTTP, and reports. It goes on sending when the circuit is lost, and reports later.
// The modules are in wwwroot/Uploads: the build serves from beside a component only what has its name.
import { Wire } from './wire.js';
import { Sending } from './sending.js';
import { Reporting, answerTime } from './reporting.js';
import { collect, picked } from './entries.js';

const batchCount = 200;      // files per message
const batchBytes = 64_000;   // of names per message
const text = new TextEncoder();

// account: whose uploads these are; what is remembered for one person is not told to the next at this browser. token: lets the bytes in, whatever
// becomes of the session.
export function attach(root, page, account, token) {
    const input = root.querySelector('input[type=file]:not([webkitdirectory])');
    const wholeFolder = root.querySelector('input[webkitdirectory]');
    const wire = new Wire(token);
    const sending = new Sending(wire, {
        ended: end => reporting.ended(end),
        checked: receipt => reporting.checked(receipt),
        changed: () => changed(),
    });
    const reporting = new Reporting(sending, wire, report => page.invokeMethodAsync('Report', report), show);
    const offers = [];            // files not yet offered, with their paths
    let offered = null;           // the batch that waits for its verdicts
    let judged = -1;              // key of the last verdict
    let ours = false;

    // --- picking and dropping -------------------------------------------------------------------------------------

    const here = () => root.dataset.folder || null;

    function onChange(event) {
        if (event.target === wholeFolder) {
            event.stopPropagation();
            takeFolders(listed([...wholeFolder.files]), here());
            wholeFolder.value = '';
            return;
        }
        if (event.target !== input || ours) return;
        // Blazor would send the whole selection in one message; a few hundred names end the circuit. Batches go through the same input.
        event.stopPropagation();
        take([...input.files].map(file => ({ file, folder: here() })));
    }

    function take(files) {
        for (const each of files) offers.push(each);
        offerNext();
    }

    function offerNext() {
        if (offered || offers.length === 0) return;
        const transfer = new DataTransfer();
        offered = [];
        let bytes = 0;
        while (offers.length > 0 && offered.length < batchCount && bytes < batchBytes) {
            const next = offers.shift();
            bytes += 120 + next.file.type.length + text.encode(next.file.name).length;
            transfer.items.add(next.file);
            offered.push(next);
        }
        page.invokeMethodAsync('Into', offered.map(each => each.folder)).catch(() => { /* the circuit is away; so is what comes next */ });
        ours = true;
        input.files = transfer.files;
        input.dispatchEvent(new Event('change', { bubbles: true }));
        ours = false;
    }

    // The same as collect gives of dropped folders.
    async function* listed(files) {
        const seen = new Set();
        for (const { file, path } of files.map(picked)) {
            for (let depth = 1; depth <= path.length; depth++) {
                const folder = path.slice(0, depth), key = folder.join('/');
                if (!seen.has(key)) yield { folder };
                seen.add(key);
            }
            yield { file, path };
        }
    }

    // Makes the folders, some at a time, and offers what lies in those that could be made.
    async function takeFolders(found, into) {
        const made = new Map();       // path -> id, null when it cannot be
        let folders = [], files = [], lost = [], bytes = 0;
        const flush = async () => {
            if (folders.length > 0) {
                const ids = await asked('Folders', into, folders);
                folders.forEach((path, at) => made.set(path.join('/'), ids[at] ?? null));
            }
            if (lost.length > 0) await asked('Unreadable', lost);
            take(files.map(({ file, path }) => ({ file, folder: made.get(path.join('/')) })).filter(({ folder }) => folder));
            folders = [];
            files = [];
            lost = [];
            bytes = 0;
        };
        for await (const each of found) {
            if (each.folder) folders.push(each.folder);
            else if (each.file) files.push(each);
            else lost.push(each.lost);
            bytes += 3 * (each.folder?.join('/').length ?? each.lost?.length ?? 0);
            if (folders.length === batchCount || lost.length === batchCount || files.length >= 10 * batchCount || bytes >= batchBytes) await flush();
        }
        await flush();
    }

    // Until the circuit is there to answer.
    async function asked(method, ...args) {
        for (;;) {
            try {
                // An answer that was lost with the connection never comes; to ask twice does no harm.
                return await Promise.race([
                    page.invokeMethodAsync(method, ...args),
                    new Promise((_, reject) => setTimeout(reject, answerTime)),
                ]);
            } catch {
                if (signal.aborted) return [];
                await new Promise(resolve => setTimeout(resolve, 1000));
            }
        }
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
        // Both have to be taken now; after the event the entries are gone.
        const folders = entries.map(item => item.webkitGetAsEntry?.()).filter(entry => entry?.isDirectory);
        const files = entries.filter(item => !item.webkitGetAsEntry?.()?.isDirectory).map(item => item.getAsFile()).filter(file => file);
        take(files.map(file => ({ file, folder: here() })));
        if (folders.length > 0) takeFolders(collect(folders), here());
    };

    function changed() {
        document.documentElement.toggleAttribute('data-uploading', sending.busy);
        reporting.changed();
    }

    // Without a line there is no circuit either, most of the time, and a restarted server does not know it: what is said then must not need one.
    function show() {
        document.documentElement.toggleAttribute('data-no-network', sending.offline);
        document.documentElement.style.setProperty('--still-to-send', `"${Math.ceil(sending.left / 1048576).toLocaleString('en')} MB"`);
    }

    const onUnload = event => { if (sending.busy) event.preventDefault(); };

    // What had not arrived when the page was left is named by the next page of this tab: nobody should have to find out which. Of what the
    // server knows already the page hears from there.
    const memory = `unfinished uploads of ${account}`;
    const onHide = () => {
        const names = [...sending.unknown, ...(offered ?? []).map(each => each.file.name), ...offers.map(each => each.file.name)];
        if (names.length > 0) sessionStorage.setItem(memory, JSON.stringify(names));
    };
    async function recall() {
        const names = JSON.parse(sessionStorage.getItem(memory) ?? '[]');
        for (let at = 0; at < names.length; at += batchCount) await page.invokeMethodAsync('Interrupted', names.slice(at, at + batchCount));
        sessionStorage.removeItem(memory);
    }
    recall().catch(() => { /* the circuit is away already; the next page asks again */ });

    // Here and not by way of the server: a picker opens only in answer to a hand.
    const onClick = event => { if (event.target.closest?.('[data-choose-file]')) input.click(); };

    const listening = new AbortController();
    const { signal } = listening;
    root.addEventListener('change', onChange, { capture: true, signal });
    for (const [kind, heard] of Object.entries({
        pagehide: onHide, beforeunload: onUnload, dragenter: onEnter, dragleave: onLeave, dragover: onOver, drop: onDrop, click: onClick,
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
            list.forEach(({ key, name, unfinished }, at) => {
                if (!files[at]) return;
                sending.hold(key, files[at]);
                if (name !== null) sending.start({ key, attempt: 0, name, onConflict: 'ask', unfinished });
            });
            offerNext();
        },
        start(starts) {
            for (const each of starts) sending.start(each);
        },
        // A fresh one, where the old may be worth nothing any more.
        token(fresh) { wire.token = fresh; },
        pause(keys) { sending.pause(keys); },
        go(keys) { sending.go(keys); },
        cancel(keys) { sending.cancel(keys); },
        forget(keys) { sending.forget(keys); },
        dispose() {
            reporting.dispose();
            listening.abort();
            sending.dispose();
        },
    };
}
