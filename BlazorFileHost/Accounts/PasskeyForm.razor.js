// Asks the browser for a passkey, and sends what it says with the form.
export async function send(form) {
    const { options, act, dismissed, known, impossible } = form.dataset;
    const alert = form.querySelector('[role=alert]:not(.field *)');
    const button = form.querySelector('button[type=submit]');
    const say = text => {
        alert.textContent = text;
        alert.hidden = !text;
    };
    say('');
    button.disabled = true;
    try {
        if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) throw new DOMException('', 'NotSupportedError');
        const answer = await fetch(options, { method: 'POST', body: new FormData(form) });
        if (!answer.ok) {
            say(await answer.text());
            return;
        }

        const asked = await answer.json();
        const credential = act === 'create'
            ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked) })
            : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked) });
        form.elements['Input.Credential'].value = JSON.stringify(credential.toJSON());
        form.submit();
    } catch (failure) {
        say(failure.name === 'InvalidStateError' ? known
            : failure.name === 'SecurityError' || failure.name === 'NotSupportedError' ? impossible
            : dismissed);
    } finally {
        button.disabled = false;
    }
}
