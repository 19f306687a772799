// Makes the small picture of a picture, here in its owner's browser: the server opens no picture that somebody sent it.

const LONGEST_SIDE = 256;
const MOST_BYTES = 64 * 1024;

// One after the other: each holds all of a picture's pixels for a moment.
let last = Promise.resolve();

// True when the server has kept one. It decides for itself whether what it is given is one.
export function make(id) {
    const turn = last.then(() => draw(id)).catch(() => false);
    last = turn;
    return turn;
}

async function draw(id) {
    const answer = await fetch(`files/${id}/view`);
    const tag = answer.headers.get('ETag');
    if (!answer.ok || !tag) return false;
    const small = await shrink(await answer.blob());
    if (!small) return false;
    // If-Match: what it pictures. When the file was replaced meanwhile it is not kept.
    const kept = await fetch(`files/${id}/thumbnail`, { method: 'PUT', headers: { 'If-Match': tag, 'Content-Type': small.type }, body: small });
    return kept.ok;
}

// WebP, or JPEG where a browser cannot write that; null when it cannot be done. What else was in the file, such as the place where a
// photograph was taken, is not in there.
export async function shrink(blob) {
    const picture = await createImageBitmap(blob);
    const scale = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
    const canvas = document.createElement('canvas');
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    const paper = canvas.getContext('2d');
    paper.imageSmoothingQuality = 'high';
    paper.drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    for (const type of ['image/webp', 'image/jpeg']) {
        if (type === 'image/jpeg') {
            // No transparency there: on white, as on paper.
            paper.globalCompositeOperation = 'destination-over';
            paper.fillStyle = '#fff';
            paper.fillRect(0, 0, canvas.width, canvas.height);
        }
        for (const quality of [0.8, 0.5, 0.2]) {
            const small = await new Promise(done => canvas.toBlob(done, type, quality));
            if (small?.type !== type) break;
            if (small.size <= MOST_BYTES) return small;
        }
    }
    return null;
}
