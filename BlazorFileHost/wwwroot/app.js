// What every page needs of the browser besides Blazor.

// A file dropped beside the mark would otherwise replace the page, and running uploads with it.
for (const kind of ['dragover', 'drop']) {
    window.addEventListener(kind, event => {
        if ([...(event.dataTransfer?.types ?? [])].includes('Files')) event.preventDefault();
    });
}

// Lost circuits: Blazor tries again by itself. When the server no longer knows the circuit the page is loaded anew,
// but not while uploads run: they do not need the circuit and would be cut off.
const modal = document.getElementById('components-reconnect-modal');
if (modal) {
    const uploading = () => document.documentElement.hasAttribute('data-uploading');
    // Whoever is on the way to another page, by a form that ends the session too, is not called back.
    let leaving = false;
    addEventListener('beforeunload', () => { leaving = true; });
    const reload = () => { if (!leaving && !uploading()) location.reload(); };
    let asking;
    const over = () => ['components-reconnect-rejected', 'signed-out', 'signed-in-anew'].some(sign => modal.classList.contains(sign));
    // Whether the session that this page was made for goes on, or is over, or the browser has another one by now.
    const ask = async () => {
        try {
            const answer = await fetch('account/session', { cache: 'no-store' });
            if (answer.status === 401) modal.classList.add('signed-out');
            else if (answer.ok && await answer.text() !== modal.dataset.session) modal.classList.add('signed-in-anew');
        } catch { /* the server is away */ }
    };
    // Being asked that, the server knows that somebody is here. It knows from nothing else: a page that only stays open says nothing of its person.
    const often = 60_000;
    let moved = Date.now();
    const here = () => {
        if (Date.now() - moved < often || over()) return;
        moved = Date.now();
        ask();
    };
    if (modal.dataset.session) {
        for (const kind of ['pointerdown', 'keydown', 'wheel', 'drop']) addEventListener(kind, here, { capture: true, passive: true });
    }
    new MutationObserver(() => {
        if (over()) reload();
        // The line may have been cut because the session is over, or that may come while it is tried again: then no circuit comes back, and the page leads
        // to the sign-in.
        const lost = !over() && ['show', 'retrying', 'failed'].some(state => modal.classList.contains(`components-reconnect-${state}`));
        if (lost && !asking) {
            asking = setInterval(ask, 3_000);
            ask();
        } else if (!lost) {
            clearInterval(asking);
            asking = undefined;
        }
    }).observe(modal, { attributeFilter: ['class'] });
    new MutationObserver(() => {
        if (over()) reload();
    }).observe(document.documentElement, { attributeFilter: ['data-uploading'] });
    modal.querySelector('[data-reload]').addEventListener('click', () => location.reload());
    modal.querySelector('[data-reconnect]').addEventListener('click', async () => {
        // False: the server is there but does not know the circuit. An error: the server is not there.
        try {
            if (!await Blazor.reconnect()) location.reload();
        } catch { /* still away: the sentence stays */ }
    });
}

// Forms that have a script beside them are sent by it.
document.addEventListener('submit', async event => {
    const script = event.target.dataset.script;
    if (!script) return;
    event.preventDefault();
    (await import(new URL(script, document.baseURI).href)).send(event.target);
});
