// What the list needs of the browser: keys that must not scroll the page, the row in view, a download without leaving.

const tileWidth = 152;
const kind = 'application/x-filehost-entry';
const leaving = new WeakMap();

// The grid itself comes and goes with the first and the last file.
export function attach(listing, frame, page) {
    // An archive is downloaded and loads nothing into the frame. What does load is a refusal.
    frame.addEventListener('load', () => {
        if (!frame.dataset.asked) return;
        delete frame.dataset.asked;
        page.invokeMethodAsync('DownloadRefused').catch(() => { /* The circuit is away; the page says so itself. */ });
    });
    const gone = new AbortController();
    const { signal } = gone;
    leaving.set(listing, gone);
    listing.addEventListener('keydown', event => {
        const grid = event.target.closest('.grid');
        if (!grid || event.target.matches('input')) return;
        if (event.target !== grid) {
            // A key pressed on a button inside a row is the button's own.
            if (!['Escape', 'Delete', 'F2'].includes(event.key)) event.stopPropagation();
            return;
        }
        const mine = ['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight', 'PageUp', 'PageDown', 'Home', 'End', ' ', 'F2', 'ContextMenu'];
        const withCtrl = ['a', 'x', 'c'];
        if (mine.includes(event.key) || (event.key === 'F10' && event.shiftKey)
            || (withCtrl.includes(event.key.toLowerCase()) && (event.ctrlKey || event.metaKey))) event.preventDefault();
    }, { signal });
    // The Menu key opens ours, which the key itself has asked for.
    listing.addEventListener('contextmenu', event => { if (event.target.matches('.grid')) event.preventDefault(); }, { signal });

    // Keys of the whole page. Each presses a button that says so.
    window.addEventListener('keydown', event => {
        if (event.target.closest?.('input, textarea, select, [contenteditable], [role=dialog], [role=menu]') || document.querySelector('.rz-dialog')) return;
        const command = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
        const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
        const key = event.key.toLowerCase();
        const button = (command && ['v', 'z'].includes(key)) || (plain && ['?', '/'].includes(key))
            ? document.querySelector(`[data-key="${key}"]`) : null;
        if (button) {
            event.preventDefault();
            if (button.matches('input')) {
                button.focus();
                button.select();
            } else button.click();
        } else if (plain && event.target === document.body && ['ArrowDown', 'ArrowUp'].includes(event.key)) {
            listing.querySelector('.grid')?.focus({ preventScroll: true });
        }
        // Before the list, which keeps the keys of its buttons to itself.
    }, { signal, capture: true });

    dragging(listing, page, signal);
    let room = 0;
    const watching = new ResizeObserver(() => {
        const now = Math.max(1, Math.floor((listing.clientWidth - 16) / tileWidth));
        if (now !== room) page.invokeMethodAsync('Columns', room = now).catch(() => { /* The circuit is away; the next change tells it. */ });
    });
    watching.observe(listing);
    signal.addEventListener('abort', () => watching.disconnect());
    listing.addEventListener('click', event => {
        if (!event.target.closest('button, a, input')) event.target.closest('.grid')?.focus({ preventScroll: true });
    }, { signal });
}

export function detach(listing) {
    leaving.get(listing)?.abort();
}

// Rows onto folders. Files from the desktop are none of this: they are taken by UploadBox, which looks for another kind.
function dragging(listing, page, signal) {
    let held = null, over = null;
    const mark = target => {
        if (over === target) return;
        over?.removeAttribute('data-over');
        over = target;
        over?.setAttribute('data-over', '');
    };
    const targetOf = event => {
        const target = held && event.target.closest?.('[data-into]');
        // Not onto itself, nor onto what comes along.
        return target && !held.includes(target.dataset.id) ? target : null;
    };
    listing.addEventListener('dragstart', event => {
        const row = event.target.closest?.('[data-id]');
        if (!row || event.target.closest('input')) return;
        const chosen = row.ariaSelected === 'true' ? [...listing.querySelectorAll('[data-id][aria-selected=true]')] : [row];
        held = [row.dataset.id, ...chosen.map(each => each.dataset.id)];
        event.dataTransfer.clearData();
        event.dataTransfer.setData(kind, row.dataset.id);
        event.dataTransfer.effectAllowed = 'move';
        const count = row.ariaSelected === 'true' ? Number(listing.querySelector('.selection .count')?.textContent.replace(/\D/g, '') || 1) : 1;
        if (count > 1) {
            const label = document.createElement('div');
            label.className = 'drag-label';
            label.textContent = count.toLocaleString('en');
            document.body.append(label);
            event.dataTransfer.setDragImage(label, -8, -8);
            requestAnimationFrame(() => label.remove());
        }
    }, { signal });
    listing.addEventListener('dragover', event => {
        const target = targetOf(event);
        mark(target);
        if (!target) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = 'move';
    }, { signal });
    listing.addEventListener('drop', event => {
        const target = targetOf(event);
        if (!target) return;
        event.preventDefault();
        page.invokeMethodAsync('Drop', held[0], target.dataset.into || null).catch(() => { /* The circuit is away; nothing was moved. */ });
    }, { signal });
    for (const end of ['dragend', 'drop']) {
        window.addEventListener(end, () => {
            mark(null);
            held = null;
        }, { signal });
    }
}

export function focusList(listing) {
    listing?.querySelector('.grid')?.focus({ preventScroll: true });
}

export function address(query) {
    history.replaceState(history.state, '', location.pathname + query);
}

export function remember(view) {
    try {
        localStorage.setItem('filehost view', view);
    } catch { /* This browser keeps nothing, or has no room: the next visit begins with rows. */ }
}

export function recall() {
    try {
        return localStorage.getItem('filehost view');
    } catch {
        return null;
    }
}

export function reveal(rows, index, height) {
    if (!rows) return;
    const top = index * height;
    if (top < rows.scrollTop) rows.scrollTop = top;
    else if (top + height > rows.scrollTop + rows.clientHeight) rows.scrollTop = top + height - rows.clientHeight;
}

export function download(address) {
    const link = document.createElement('a');
    link.href = address;
    link.download = '';
    link.click();
}

export function zip(form, ids) {
    form.elements.ids.value = ids;
    form.elements.zone.value = timeZone();
    document.getElementsByName(form.target)[0].dataset.asked = true;
    form.submit();
    form.elements.ids.value = '';
}

export function timeZone() {
    return Intl.DateTimeFormat().resolvedOptions().timeZone ?? 'UTC';
}
