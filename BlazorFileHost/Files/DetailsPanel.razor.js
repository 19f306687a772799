// What the panel needs of the browser: the keyboard's place, and the clipboard. One panel at a time.

const narrow = matchMedia('(max-width: 640px)');
let panel = null, opener = null, behind = [];

// Wanted: somebody asked for it. Else it came with the row that was walked to, and the keys stay with the list.
export function open(element, wanted) {
    panel = element;
    opener = document.activeElement;
    if (wanted) panel.focus({ preventScroll: true });
    narrow.addEventListener('change', cover);
    cover();
}

export function close() {
    narrow.removeEventListener('change', cover);
    uncover();
    // Not when the person has gone on somewhere else meanwhile.
    const lost = !document.activeElement || document.activeElement === document.body || panel?.contains(document.activeElement);
    if (lost && opener?.isConnected) opener.focus({ preventScroll: true });
    panel = opener = null;
}

// Over the page nothing behind it is to be reached, but what speaks for the page as a whole.
function cover() {
    uncover();
    if (!narrow.matches) return;
    for (let at = panel; at?.parentElement && at !== document.body; at = at.parentElement) {
        for (const beside of at.parentElement.children) {
            if (beside === at || beside.inert || beside.matches('script, link, style, [role=status], [class*=rz-], #components-reconnect-modal')) continue;
            beside.inert = true;
            behind.push(beside);
        }
    }
    if (!panel.contains(document.activeElement)) panel.focus({ preventScroll: true });
}

function uncover() {
    for (const element of behind) element.inert = false;
    behind = [];
}

// Over plain http there is no clipboard to write to: then it is selected, for the person to copy.
export async function copy(element) {
    try {
        await navigator.clipboard.writeText(element.textContent);
        return true;
    } catch {
        getSelection().selectAllChildren(element);
        return false;
    }
}
