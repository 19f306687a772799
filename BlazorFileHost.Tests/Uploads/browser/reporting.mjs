// What the page is told, without a page: argument 1 is the module's address.
import assert from 'node:assert/strict';
import { once, EventEmitter } from 'node:events';

const { Reporting } = await import(process.argv[2]);

const sending = { busy: true, offline: false, left: 0, shown: [], follow() { } };
const heard = new EventEmitter();
const wire = { moved: 0 };
let answer;
const reporting = new Reporting(sending, wire, report => {
    heard.emit('report', report);
    return new Promise(resolve => { answer = resolve; });
}, () => { });
const next = async () => (await once(heard, 'report', { signal: AbortSignal.timeout(20_000) }))[0];
const state = report => report.moved[0].state;

const item = { key: 0, url: null, idempotencyKey: 'a-number', sent: 1, moved: 1, offline: false, state: 'Sending' };
sending.shown.push(item);
reporting.changed();
const first = await next();
assert.equal(state(first), 'Sending');
assert.equal(first.moved[0].creation, 'a-number');

// It comes to rest while the page has not yet answered.
Object.assign(item, { url: '/uploads/1', state: 'Paused' });
sending.busy = false;
reporting.changed();
answer();
const second = await next();
assert.equal(state(second), 'Paused');
assert.equal(second.moved[0].id, '1');
assert.equal(second.moved[0].creation, null);
answer();

// Nothing is told twice, and nothing goes on by itself: what ends now is told at once.
heard.once('report', report => assert.deepEqual([report.moved, report.ended], [[], [{ key: 0 }]]));
await new Promise(resolve => setTimeout(resolve));
reporting.ended({ key: 0 });
answer();
// The process ends when no timer is left.
