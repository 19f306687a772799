// The name without its ending is what people mean to change.
// On a quick hand or a slow line the field can be gone before this comes.
export function begin(field, stem) {
    if (!field) return;
    field.focus();
    field.setSelectionRange(0, stem);
}

// A refusal: its sentence in view, and back into the field, unless the hand is elsewhere.
export function again(field, back) {
    if (!field) return;
    if (back) field.focus();
    field.parentElement.querySelector('[role=alert]')?.scrollIntoView({ block: 'nearest' });
}
