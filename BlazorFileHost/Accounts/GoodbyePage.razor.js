// Counts down: asks for the page again until nothing is left. Without script the page asks by itself.
const here = () => document.getElementById('goodbye');

while (here()?.hasAttribute('data-leaving')) {
    await new Promise(done => setTimeout(done, 500));
    let now;
    try {
        const answer = await fetch(location.href, { headers: { Accept: 'text/html' } });
        now = new DOMParser().parseFromString(await answer.text(), 'text/html');
    } catch {
        continue; // The server is away, perhaps for a restart.
    }

    const [old, fresh] = [here(), now.getElementById('goodbye')];
    if (!old || !fresh) continue;
    if (fresh.hasAttribute('data-leaving')) {
        // Number and bar only: what is read aloud has not changed.
        old.querySelector('.progress')?.replaceWith(fresh.querySelector('.progress'));
        continue;
    }

    // The sentence that is read aloud keeps its element; everything around it is new.
    document.title = now.title;
    const status = old.querySelector('[role=status]');
    status.replaceChildren(...fresh.querySelector('[role=status]').childNodes);
    fresh.querySelector('[role=status]').replaceWith(status);
    old.replaceWith(fresh);
}
