// The name without its ending is what people mean to change.
export function begin(field, stem) {
    field.focus();
    field.setSelectionRange(0, stem);
}

// A refusal: back into the field, with its sentence in view.
export function again(field) {
    field.focus();
    field.parentElement.querySelector('[role=alert]')?.scrollIntoView({ block: 'nearest' });
}
