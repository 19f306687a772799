// A menu's place on the screen, its arrows, and where the focus goes when it closes.
const before = new WeakMap();

export function open(menu, at, x, y) {
    // On a quick hand or a slow line it can be gone before this comes.
    if (!menu) return;
    before.set(menu, document.activeElement);
    const element = at ? document.getElementById(at) : null;
    if (element) {
        const { left, bottom } = element.getBoundingClientRect();
        [x, y] = [left, bottom];
    }
    const { width, height } = menu.getBoundingClientRect();
    menu.style.left = `${Math.max(8, Math.min(x, innerWidth - width - 8))}px`;
    menu.style.top = `${Math.max(8, Math.min(y, innerHeight - height - 8))}px`;
    menu.dataset.open = '';
    arrows(menu, '[role=menuitem]');
    menu.querySelector('[role=menuitem]')?.focus();
}

export function close(menu) {
    const last = before.get(menu);
    if (last?.isConnected) last.focus({ preventScroll: true });
}

// Up, Down, Home, End, and a letter for the next that begins with it.
export function arrows(box, which) {
    box?.addEventListener('keydown', event => {
        const all = [...box.querySelectorAll(which)].filter(each => !each.disabled);
        const at = all.indexOf(document.activeElement);
        const letter = event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey ? event.key.toLowerCase() : null;
        const next = event.key === 'ArrowDown' ? all[(at + 1) % all.length]
            : event.key === 'ArrowUp' ? all.at(at - 1)
            : event.key === 'Home' ? all[0]
            : event.key === 'End' ? all.at(-1)
            : letter && letter !== ' ' ? [...all.slice(at + 1), ...all.slice(0, at + 1)].find(each => each.textContent.trim().toLowerCase().startsWith(letter))
            : null;
        if (event.key === 'Tab' && box.getAttribute('role') === 'menu') event.preventDefault();
        if (!next || event.target.matches('input')) return;
        event.preventDefault();
        next.focus();
    });
}
