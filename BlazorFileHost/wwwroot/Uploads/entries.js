// What is in dropped folders, however many files and however deep: { file, path } for each file, where path is the names of the folders it
// lies in from the dropped one inwards; { folder: path } for each folder, empty ones too; { lost: name } for what could not be read.

// entries: FileSystemEntry of each dropped item. They have to be taken in the drop event itself; after it they are gone.
export async function* collect(entries) {
    const inside = [];
    yield* each(entries, [], inside);
    // Depth last: a stack of iterators would hold a reader for every level open.
    for (let next = inside.shift(); next; next = inside.shift()) {
        const path = [...next.path, next.entry.name];
        yield { folder: path };
        const reader = next.entry.createReader();
        // A reader gives a hundred at a time (File and Directory Entries API, 7.3), and an empty list at the end.
        for (;;) {
            let found;
            try {
                found = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
            } catch {
                yield { lost: path.join('/') };
                break;
            }
            if (found.length === 0) break;
            yield* each(found, path, inside);
        }
    }
}

async function* each(entries, path, inside) {
    const files = await Promise.all(entries.filter(entry => !entry.isDirectory).map(entry => new Promise(resolve => entry.file(
        file => resolve({ file, path }), () => resolve({ lost: [...path, entry.name].join('/') })))));
    for (const entry of entries) if (entry.isDirectory) inside.push({ entry, path });
    yield* files;
}

// The same of a file that an <input type="file" webkitdirectory> gave.
export const picked = file => ({ file, path: file.webkitRelativePath.split('/').slice(0, -1) });
