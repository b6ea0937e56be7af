import test from 'ava'
import { Key } from 'interface-datastore/key'
import { BoundedDatastore } from '../../src/host/boundedDatastore.ts'

const key = (name: string | number): Key => new Key(`/peers/${name}`)

async function keysOf (store: BoundedDatastore): Promise<string[]> {
  const keys: string[] = []
  for await (const found of store.queryKeys({})) keys.push(found.toString())
  return keys.toSorted()
}

test('the entry that was used longest ago goes when there is one too many', async t => {
  const store = new BoundedDatastore(3, () => false)
  for (const name of ['a', 'b', 'c']) await store.put(key(name), new Uint8Array(1))
  await store.get(key('a'))
  await store.put(key('d'), new Uint8Array(1))
  t.deepEqual(await keysOf(store), ['/peers/a', '/peers/c', '/peers/d'])
  await store.put(key('c'), new Uint8Array(2))
  await store.put(key('e'), new Uint8Array(1))
  t.deepEqual(await keysOf(store), ['/peers/c', '/peers/d', '/peers/e'])
})

test('what is to be kept stays, however many come', async t => {
  const store = new BoundedDatastore(10, name => name === '/peers/self')
  await store.put(key('self'), Uint8Array.of(7))
  for (let i = 0; i < 10_000; i++) await store.put(key(i), new Uint8Array(1))
  t.is((await keysOf(store)).length, 11)
  t.deepEqual(await store.get(key('self')), Uint8Array.of(7))
})

test('what was taken out is gone', async t => {
  const store = new BoundedDatastore(2, () => false)
  await store.put(key('a'), new Uint8Array(1))
  await store.delete(key('a'))
  t.throws(() => { void store.get(key('a')) }, { name: 'NotFoundError' })
  for (const name of ['b', 'c']) await store.put(key(name), new Uint8Array(1))
  t.deepEqual(await keysOf(store), ['/peers/b', '/peers/c'])
})
