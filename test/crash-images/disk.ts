// A disk that can lose its power. It follows the calls of a trace and knows at each moment what is surely on the
// platter and what is only on its way: octets since the last sync of a file, names since the last sync of a folder.
// An image is one of the many ways the files may lie there afterwards.
//
// Names: the changes of one folder become durable in their order (as a journal keeps them), those of different folders
// in any order. A sync of a folder covers all its names, a sync of a file the name it was made under (as ext4, XFS and
// btrfs do). Octets: a file keeps what was synced, and of the rest nothing, a beginning, or a beginning and zeros.
import { dirname } from 'node:path';
import type { Call } from './trace.js';

interface File {
  /** Surely there. */
  base: Buffer;
  /** Written since, each piece as it was written. */
  tail: Buffer[];
  /** Emptied since: the base may be there still, or be gone. */
  emptied: boolean;
}

interface Folder {
  readonly names: Map<string, Node>;
  /** All changes of names, oldest first; the first `durable` of them are on the platter. */
  readonly changes: Change[];
  durable: number;
}

type Node = { readonly file: File } | { readonly folder: Folder };
type Change = { readonly at: number; readonly name: string; readonly node: Node | null };

interface Sync {
  readonly node: Node;
  readonly pieces: number;
  readonly changes: ReadonlyMap<Folder, number>;
}

/** What becomes of octets that were written and not synced. */
export type Fate = 'dropped' | 'kept' | 'torn' | 'zeros';

/** How an image is made: fates of octets, and which folders' changes are taken together. */
export interface Outage {
  readonly fate: () => Fate;
  /** True: all changes of names form one journal. */
  readonly oneJournal: boolean;
  readonly random: () => number;
}

/** Folders and files of an image by their path below the root; null is a folder. */
export type Image = ReadonlyMap<string, Buffer | null>;

const emptyFolder = (): Folder => ({ names: new Map(), changes: [], durable: 0 });
const emptyFile = (): File => ({ base: Buffer.alloc(0), tail: [], emptied: false });

export class Disk {
  private readonly top: Folder = emptyFolder();
  private readonly fds = new Map<number, Node>();
  private readonly syncs = new Map<number, Sync>();
  private count = 0;

  constructor(private readonly root: string) {}

  apply(call: Call): void {
    switch (call.name) {
      case 'begin':
        this.fds.clear();
        this.syncs.clear();
        return;
      case 'open':
        this.open(call.path, call.flags, call.fd);
        return;
      case 'write':
        this.write(call.fd, call.octets);
        return;
      case 'sync-begin':
        this.begin(call.thread, call.fd);
        return;
      case 'sync':
        this.synced(call.thread);
        return;
      case 'close':
        this.fds.delete(call.fd);
        return;
      case 'mkdir':
        this.set(call.path, { folder: emptyFolder() });
        return;
      case 'rename':
        this.rename(call.path, call.to);
        return;
      default:
        this.set(call.path, null);
    }
  }

  /** One way the files may lie on the disk when the power goes now. */
  image(outage: Outage): Image {
    const image = new Map<string, Buffer | null>();
    const kept = this.keptChanges(outage);
    const walk = (folder: Folder, path: string): void => {
      const names = new Map<string, Node>();
      for (const { name, node } of folder.changes.slice(0, kept.get(folder))) {
        if (node === null) names.delete(name);
        else names.set(name, node);
      }
      for (const [name, node] of names) {
        const own = path === '' ? name : `${path}/${name}`;
        if ('file' in node) image.set(own, contentOf(node.file, outage));
        else {
          image.set(own, null);
          walk(node.folder, own);
        }
      }
    };
    walk(this.top, '');
    return image;
  }

  /** The files as they are now, nothing lost: what a process would read. */
  present(): Image {
    return this.image({ fate: () => 'kept', oneJournal: true, random: () => 1 });
  }

  private open(path: string, flags: string, fd: number): void {
    if (path !== this.root && !path.startsWith(`${this.root}/`)) return;
    let node = this.find(path);
    if (node === null) {
      if (!flags.includes('O_CREAT')) throw new Error(`${path} was opened and is not known`);
      node = { file: emptyFile() };
      this.set(path, node);
    } else if ('file' in node && flags.includes('O_TRUNC') && sizeOf(node.file) > 0) {
      node.file.tail = [];
      node.file.emptied = true;
    }
    this.fds.set(fd, node);
  }

  private write(fd: number, octets: Buffer): void {
    const node = this.fds.get(fd);
    if (node === undefined) return;
    if ('folder' in node) throw new Error('a folder was written');
    node.file.tail.push(octets);
  }

  private begin(thread: number, fd: number): void {
    const node = this.fds.get(fd);
    if (node === undefined) return;
    const pieces = 'file' in node ? node.file.tail.length : 0;
    const changes = new Map<Folder, number>();
    if ('folder' in node) changes.set(node.folder, node.folder.changes.length);
    else for (const folder of this.folders()) changes.set(folder, lastOf(folder, node));
    this.syncs.set(thread, { node, pieces, changes });
  }

  private synced(thread: number): void {
    const sync = this.syncs.get(thread);
    if (sync === undefined) return;
    this.syncs.delete(thread);
    for (const [folder, count] of sync.changes) folder.durable = Math.max(folder.durable, count);
    if ('folder' in sync.node) return;
    const { file } = sync.node;
    const before = file.emptied ? [] : [file.base];
    file.base = Buffer.concat([...before, ...file.tail.slice(0, sync.pieces)]);
    file.tail = file.tail.slice(sync.pieces);
    file.emptied = false;
  }

  private rename(path: string, to: string): void {
    const node = this.find(path);
    if (node === null) throw new Error(`${path} was renamed and is not known`);
    // One change where both names are in one folder: nobody sees both or neither.
    if (dirname(path) !== dirname(to)) throw new Error('a rename between folders');
    const folder = this.folderOf(to);
    this.count += 1;
    const at = this.count;
    folder.changes.push({ at, name: nameOf(path), node: null }, { at, name: nameOf(to), node });
    folder.names.delete(nameOf(path));
    folder.names.set(nameOf(to), node);
  }

  private set(path: string, node: Node | null): void {
    const folder = this.folderOf(path);
    this.count += 1;
    folder.changes.push({ at: this.count, name: nameOf(path), node });
    if (node === null) folder.names.delete(nameOf(path));
    else folder.names.set(nameOf(path), node);
  }

  private find(path: string): Node | null {
    if (path === this.root) return { folder: this.top };
    const parent = this.find(dirname(path));
    if (parent === null || 'file' in parent) return null;
    return parent.folder.names.get(nameOf(path)) ?? null;
  }

  private folderOf(path: string): Folder {
    const node = this.find(dirname(path));
    if (node === null || 'file' in node) throw new Error(`${path} is in no folder that is known`);
    return node.folder;
  }

  private folders(from: Folder = this.top): readonly Folder[] {
    const below = [...from.names.values()].flatMap((node) =>
      'folder' in node ? this.folders(node.folder) : [],
    );
    return [from, ...below];
  }

  private keptChanges({ oneJournal, random }: Outage): ReadonlyMap<Folder, number> {
    const folders = this.everyFolder();
    const floor = Math.max(0, ...folders.map((one) => one.changes[one.durable - 1]?.at ?? 0));
    const end = floor + Math.floor(random() * (this.count - floor + 1));
    const kept = new Map<Folder, number>();
    for (const folder of folders) {
      const { changes, durable } = folder;
      const own = durable + Math.floor(random() * (changes.length - durable + 1));
      const count = oneJournal ? changes.filter((one) => one.at <= end).length : own;
      kept.set(folder, wholeChanges(changes, count));
    }
    return kept;
  }

  // A folder that was removed may still be on the platter.
  private everyFolder(): readonly Folder[] {
    const found = new Set<Folder>();
    const walk = (folder: Folder): void => {
      if (found.has(folder)) return;
      found.add(folder);
      for (const { node } of folder.changes) {
        if (node !== null && 'folder' in node) walk(node.folder);
      }
    };
    walk(this.top);
    return [...found];
  }
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

const sizeOf = (file: File): number =>
  (file.emptied ? 0 : file.base.length) + file.tail.reduce((sum, one) => sum + one.length, 0);

/** How many changes of a folder there are up to the last that named this node. */
const lastOf = (folder: Folder, node: Node): number =>
  folder.changes.reduce((last, one, index) => (one.node === node ? index + 1 : last), 0);

// The two halves of a rename are one.
const wholeChanges = (changes: readonly Change[], count: number): number => {
  const last = changes[count - 1];
  return last !== undefined && changes[count]?.at === last.at ? count + 1 : count;
};

const sector = 512;

function contentOf(file: File, { fate, random }: Outage): Buffer {
  const told = file.tail.length === 0 && !file.emptied ? 'dropped' : fate();
  if (told === 'dropped') return file.base;
  const before = file.emptied ? Buffer.alloc(0) : file.base;
  const tail = Buffer.concat(file.tail);
  if (told === 'kept') return Buffer.concat([before, tail]);
  // Half of the tears are where a sector ends.
  const any = Math.floor(random() * (tail.length + 1));
  const inSectors = Math.floor((before.length + any) / sector) * sector - before.length;
  const length = random() < 0.5 ? any : Math.max(0, inSectors);
  const zeros = Buffer.alloc(told === 'zeros' ? tail.length - length : 0);
  return Buffer.concat([before, tail.subarray(0, length), zeros]);
}
