// Computes the SHA-256 of files, slice by slice, as far as it is told: { id, file, upTo } begins, { id, upTo } lets it go on, upTo null ends it.
// Answers { id, hash }; hash is null when the file could not be read.
import { Sha256 } from './sha256.js';

const slice = 2 << 20;       // bytes read at once; the next is on its way while one is hashed
const jobs = new Map();

self.onmessage = ({ data: { id, file, upTo } }) => {
    if (file) jobs.set(id, { file, hash: new Sha256(), at: 0, upTo: 0, running: false });
    const job = jobs.get(id);
    if (!job) return;
    if (upTo === null) {
        jobs.delete(id);
        return;
    }
    job.upTo = Math.max(job.upTo, upTo);
    if (!job.running) run(id, job);
};

async function run(id, job) {
    const { file, hash } = job;
    const read = at => at < Math.min(job.upTo, file.size) ? file.slice(at, at + slice).arrayBuffer() : null;
    job.running = true;
    try {
        let next = read(job.at);
        while (next && jobs.has(id)) {
            const bytes = new Uint8Array(await next);
            next = read(job.at += bytes.length);
            // An unhandled failure of what was read ahead would be an error of the worker; it is met in the next turn.
            next?.catch(() => { });
            hash.update(bytes);
        }
        if (job.at >= file.size && job.upTo >= file.size && jobs.delete(id)) self.postMessage({ id, hash: hash.hex() });
    } catch {
        if (jobs.delete(id)) self.postMessage({ id, hash: null });
    }
    job.running = false;
}
