// What the list needs of the browser: keys that must not scroll the page, the row in view, a download without leaving.

// The grid itself comes and goes with the first and the last file.
export function attach(listing, frame, page) {
    // An archive is downloaded and loads nothing into the frame. What does load is a refusal.
    frame.addEventListener('load', () => {
        if (!frame.dataset.asked) return;
        delete frame.dataset.asked;
        page.invokeMethodAsync('DownloadRefused').catch(() => { /* The circuit is away; the page says so itself. */ });
    });
    listing.addEventListener('keydown', event => {
        const grid = event.target.closest('.grid');
        if (!grid) return;
        if (event.target !== grid) {
            // A key pressed on a button inside a row is the button's own.
            if (!['Escape', 'Delete'].includes(event.key)) event.stopPropagation();
            return;
        }
        const mine = ['ArrowUp', 'ArrowDown', 'PageUp', 'PageDown', 'Home', 'End', ' '];
        if (mine.includes(event.key) || (event.key.toLowerCase() === 'a' && (event.ctrlKey || event.metaKey))) event.preventDefault();
    });
    listing.addEventListener('click', event => {
        if (!event.target.closest('button, a')) event.target.closest('.grid')?.focus({ preventScroll: true });
    });
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
