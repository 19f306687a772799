import { id } from './sending.js';

const every = 250;           // milliseconds between two reports
const endedBytes = 60_000;   // of ended files per report

// Milliseconds after which an answer of the page counts as lost with the connection. To tell or ask twice does no harm.
export const answerTime = 15_000;

// Tells the page what became of what is on its way, as long as there is something to tell; what could not be told is told later.
export class Reporting {
    #sending;
    #wire;
    #tell;
    #show;
    #marks = new WeakMap();   // item -> what was last measured and told of it
    #total = {};              // the same of all together
    #ended = [];              // what the page has not yet heard
    #checked = [];
    #timer = null;
    #telling = false;
    #speed = 0;

    // tell(report): a promise that is kept when the page has heard it. show(): called before each report.
    constructor(sending, wire, tell, show) {
        this.#sending = sending;
        this.#wire = wire;
        this.#tell = tell;
        this.#show = show;
    }

    ended(end) {
        this.#ended.push(end);
        this.changed();
    }

    checked(receipt) {
        this.#checked.push(receipt);
        this.changed();
    }

    // Something may be different. How far the bytes are is looked at by itself; what has come to rest is told at once.
    changed() {
        this.#timer ??= setInterval(() => this.#round(), every);
        if (!this.#sending.busy) this.#round();
    }

    dispose() {
        clearInterval(this.#timer);
    }

    #round() {
        this.#show();
        this.#report();
    }

    async #report() {
        if (this.#telling) return;
        this.#telling = true;
        try {
            const now = performance.now();
            this.#speed = measured(this.#total, this.#wire.moved, this.#speed, now);
            if (this.#speed > 0) this.#sending.follow(this.#speed);
            const moved = this.#sending.shown.map(item => {
                const mark = this.#marks.get(item) ?? {};
                this.#marks.set(item, mark);
                mark.speed = measured(mark, item.moved, mark.speed ?? 0, now);
                const state = item.offline ? 'Offline' : item.state;
                const creation = item.url === null ? item.idempotencyKey : null;
                const moved = { key: item.key, id: id(item), creation, sent: item.sent, speed: Math.round(mark.speed), state };
                return { moved, mark, text: JSON.stringify(moved) };
            }).filter(({ mark, text }) => mark.told !== text);
            let bytes = 0;
            const fits = end => (bytes += 100 + 3 * ((end.sentence?.length ?? 0) + (end.mendedName?.length ?? 0))) < endedBytes;
            const told = { ended: this.#ended.filter(fits), checked: this.#checked.filter(fits) };
            if (moved.length + told.ended.length + told.checked.length > 0) {
                await Promise.race([
                    this.#tell({ moved: moved.map(each => each.moved), ...told, speed: this.#speed }),
                    new Promise((_, reject) => setTimeout(reject, answerTime)),
                ]);
                for (const { mark, text } of moved) mark.told = text;
                this.#ended = this.#ended.filter(end => !told.ended.includes(end));
                this.#checked = this.#checked.filter(receipt => !told.checked.includes(receipt));
            } else if (!this.#sending.busy) {
                // Only now: what came to rest while a report was on its way is told by the next one.
                clearInterval(this.#timer);
                this.#timer = this.#total.now = null;
                this.#speed = 0;
            }
        } catch {
            // The circuit is away: keep what ended and tell it when it is back.
        } finally {
            this.#telling = false;
        }
    }
}

// Bytes per second, smoothed.
function measured(mark, moved, before, now) {
    const current = mark.now && now > mark.now ? (moved - mark.moved) * 1000 / (now - mark.now) : null;
    mark.now = now;
    mark.moved = moved;
    return current === null ? before : before === 0 ? current : before * 0.8 + current * 0.2;
}
