// SPDX-License-Identifier: Apache-2.0
/*
 * Digital Bazaar's libraries and ours, each judging what the other made. Prints TAP.
 *
 *   node theirs.mjs OURS DIR      OURS: the program of ours.c; DIR: where documents are written
 *
 * Every document is judged by both sides, unchanged and with each of its values changed in turn. What they take and
 * we refuse on purpose is said as such: contexts that we don't know, withdrawn certificates that "verify".
 */
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import {createCredential, createList, decodeList} from '@digitalbazaar/vc-bitstring-status-list';

import {changed, isSet, issue as issueAt, keyOf, leaves, local, reason, theirVerdict as verdictAt} from './libraries.mjs';

const [ours, dir] = process.argv.slice(2);
const NOW = new Date('2026-11-23T10:00:00Z');
const LIST = 'https://market.example/v1/status-lists/1';
const INDEX = 94567;

let count = 0, failed = 0;
function ok(good, name) {
  count++;
  failed += !good;
  console.log(`${good ? 'ok' : 'not ok'} ${count} - ${name}`);
}

const file = name => path.join(dir, `${name}.json`);
const load = name => JSON.parse(fs.readFileSync(file(name), 'utf8'));
const save = (name, value) => fs.writeFileSync(file(name), JSON.stringify(value, null, 1));
const theirVerdict = (credential, now = NOW) => verdictAt(credential, now);
const issue = (credential, key) => issueAt(credential, key, NOW);
const ask = (...args) => execFileSync(ours, args, {encoding: 'utf8', maxBuffer: 1 << 28}).trimEnd();

async function judgeOurs() {
  for(const name of ['consent', 'withdrawn', 'list', 'clearance', 'sourcing', 'withdrawal']) {
    const kind = name === 'withdrawn' ? 'consent' : name;
    const document = load(name);
    if(name !== 'list') {
      local.set(LIST, load('list'));
    }
    const result = await theirVerdict(document);
    ok(result.verified, `${name}: ours verifies in theirs${reason(result)}`);
    ok(ask(kind, file(name)) === 'ok', `${name}: and in ours`);
    if(document.credentialStatus) {
      const set = isSet(result);
      ok(set === (name === 'withdrawn'), `${name}: theirs sees it ${set ? 'withdrawn' : 'standing'}`);
    }
    let theirs = 0, own = 0;
    const ways = leaves(document);
    for(const way of ways) {
      const other = changed(document, way);
      theirs += (await theirVerdict(other)).verified ? 1 : 0;
      save('changed', other);
      own += ask(kind, file('changed')) === 'ok' ? 1 : 0;
    }
    ok(theirs === 0, `${name}: of ${ways.length} changed ones none verifies in theirs`);
    ok(own === 0, `${name}: nor in ours`);
  }
  ok(ask('status', file('consent'), file('list')) === 'clear', 'ours sees the consent standing');
  ok(ask('status', file('withdrawn'), file('list')) === 'set', 'and the withdrawn one withdrawn');
  const late = await theirVerdict(load('consent'), new Date('2030-01-01T00:00:00Z'));
  ok(!late.verified, 'theirs sees the consent expired in 2030');
}

async function judgeBits() {
  const list = await decodeList({encodedList: load('list').credentialSubject.encodedList});
  let wrong = list.length === 131072 ? 0 : 1;
  for(let i = 0; i < list.length; i++) {
    wrong += list.getStatus(i) !== (i === INDEX);
  }
  ok(wrong === 0, 'every place of our list is the same in theirs');
}

async function judgeTheirs() {
  const creator = await keyOf(1), market = await keyOf(2), stranger = await keyOf(3);
  const consent = load('consent');
  ok(creator.controller === consent.issuer, 'the same seed is the same did:key');
  save('theirs', await issue(consent, creator));
  ok(ask('consent', file('theirs')) === 'ok', `a consent signed by theirs: ${ask('consent', file('theirs'))}`);
  const foreign = {...consent, credentialSubject: {...consent.credentialSubject, role: 'listener'}};
  save('foreign', await issue(foreign, creator));
  ok(ask('any', file('foreign')) === 'ok', 'theirs signs a role that we don\'t know');
  ok(ask('consent', file('foreign')).startsWith('refused role_unknown'), 'which we refuse');
  save('other', await issue(consent, stranger));
  ok(ask('any', file('other')) === 'ok', 'theirs signs another\'s consent');
  ok(ask('consent', file('other')).startsWith('refused subject_other'), 'which we refuse');

  const list = await createList({length: 131072});
  list.setStatus(INDEX + 1, true);
  const bare = await createCredential({id: LIST, list, statusPurpose: 'revocation'});
  const credential = await issue(bare, market);
  save('theirlist', credential);
  ok(ask('list', file('theirlist')) === 'ok', `a status list of theirs: ${ask('list', file('theirlist'))}`);
  ok(ask('status', file('theirs'), file('theirlist')) === 'set', 'in which ours sees their consent withdrawn');
  ok(ask('status', file('withdrawn'), file('theirlist')) === 'clear', 'and another standing');
  local.set(LIST, credential);
  const result = await theirVerdict(load('theirs'));
  ok(result.verified && isSet(result), 'as theirs does, which calls it verified all the same');
  const none = {...bare.credentialSubject, encodedList: 'uH4sIAAAAAAAAA2NgAAAAAQAB'};
  save('theirlist', await issue({...bare, credentialSubject: none}, market));
  ok(/^refused (value_invalid|status_list_length) at \/credentialSubject\/encodedList/.test(
    ask('list', file('theirlist'))),
    'a list that is none is refused');

  const odd = await issue({
    '@context': ['https://www.w3.org/ns/credentials/v2'], id: 'urn:uuid:8f1f4a0e-2a86-4d53-9a55-0b7bb9e2c0aa',
    type: ['VerifiableCredential'], validFrom: '2026-01-01T00:00:00Z',
    credentialSubject: {
      id: 'urn:a', '\ue000': 1e21, '\u{1f600}': [-0, 1.5, 1e-7, 5e-324, 2 ** 68], '\u00e9': 'e\u0301\u0007"\\/'
    }
  }, creator);
  save('odd', odd);
  ok(ask('any', file('odd')) === 'ok', 'names beyond the BMP, odd numbers, odd letters');
  odd['@context'] = [...odd['@context'], 'https://holder.example/ns'];         // the proof shares the array
  save('odd', odd);
  const appended = await theirVerdict(odd);
  ok(appended.verified, `a holder may append a context, theirs says${reason(appended)}`);
  ok(ask('any', file('odd')) === 'ok', 'and ours');
  consent['@context'].push('https://holder.example/ns');
  save('appended', consent);
  ok(ask('any', file('appended')) === 'ok' && ask('consent', file('appended')).startsWith('refused context_unknown'),
    'but a consent with a context that we don\'t know is not taken');
}

function judgeNumbers() {
  const view = new DataView(new ArrayBuffer(8));
  let wrong = 0, seen = 0;
  for(const line of ask('numbers', '88172645463325252', '200000').split('\n')) {
    const [bits, text] = line.split(' ');
    view.setBigUint64(0, BigInt(`0x${bits}`));
    seen++;
    wrong += JSON.stringify(view.getFloat64(0)) !== text;
  }
  ok(seen > 100000 && wrong === 0, `${seen} doubles are written as here`);
}

fs.mkdirSync(dir, {recursive: true});
ask('make', dir);
await judgeOurs();
await judgeBits();
await judgeTheirs();
judgeNumbers();
console.log(`1..${count}`);
process.exit(failed ? 1 : 0);
