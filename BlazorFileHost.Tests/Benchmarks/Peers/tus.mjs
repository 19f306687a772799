// The tus project's own server over a directory. Arguments: where it is installed, directory, port. A file keeps its name, so that it can be found.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [installed, directory, port] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${installed}/`));
const { Server } = await import(pathToFileURL(require.resolve('@tus/server')));
const { FileStore } = await import(pathToFileURL(require.resolve('@tus/file-store')));
const server = new Server({ path: '/files', datastore: new FileStore({ directory }), namingFunction: (request, metadata) => metadata.filename });
server.listen({ host: '127.0.0.1', port: Number(port) });
