// SPDX-License-Identifier: Apache-2.0
/*
 * Digital Bazaar's libraries as their README shows them: keys, issuing, verifying with status. A document is looked
 * up in `local`, or fetched from where it says if that is plain HTTP, as a market under test does.
 */
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import * as vc from '@digitalbazaar/vc';
import {createSignCryptosuite, createVerifyCryptosuite} from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import {checkStatus} from '@digitalbazaar/vc-bitstring-status-list';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {driver} from '@digitalbazaar/did-method-key';

const didKey = driver();
didKey.use({multibaseMultikeyHeader: 'z6Mk', fromMultibase: Ed25519Multikey.from});
export const local = new Map();
export async function documentLoader(url) {
  if(url.startsWith('did:key:')) {
    return {contextUrl: null, documentUrl: url, document: await didKey.get({url})};
  }
  if(local.has(url)) {
    return {contextUrl: null, documentUrl: url, document: structuredClone(local.get(url))};
  }
  if(url.startsWith('http://')) {
    const answer = await fetch(url);
    if(!answer.ok) {
      throw new Error(`${url}: ${answer.status}`);
    }
    return {contextUrl: null, documentUrl: url, document: await answer.json()};
  }
  return vc.defaultDocumentLoader(url);
}

// A creator's consent is on the market's list: two issuers, which their check does not expect by default.
const checkAnyIssuer = options => checkStatus({...options, verifyMatchingIssuers: false});

export async function theirVerdict(credential, now) {
  return vc.verifyCredential({
    credential: structuredClone(credential), documentLoader, now, checkStatus: checkAnyIssuer,
    suite: new DataIntegrityProof({cryptosuite: createVerifyCryptosuite()})
  });
}
export const reason = result => result.verified ? '' : `: ${result.error?.errors ?? result.error}`;
export const isSet = result => result.statusResult?.results?.some(r => r.status === true);

export async function keyOf(byte) {
  const seed = new Uint8Array(32).fill(byte);
  const key = await Ed25519Multikey.generate({seed});
  const {publicKeyMultibase} = await key.export({publicKey: true});
  key.controller = `did:key:${publicKeyMultibase}`;
  key.id = `${key.controller}#${publicKeyMultibase}`;
  return key;
}

export async function issue(credential, key, now) {
  const suite = new DataIntegrityProof({
    signer: key.signer(), date: now, cryptosuite: createSignCryptosuite()
  });
  const document = structuredClone({...credential, issuer: key.controller});
  delete document.proof;
  return vc.issue({credential: document, suite, documentLoader, now});
}

// The ways to every value that is not an object or an array.
export function leaves(value, way = []) {
  if(value === null || typeof value !== 'object') {
    return [way];
  }
  return Object.keys(value).flatMap(key => leaves(value[key], [...way, key]));
}

export function changed(document, way) {
  const copy = structuredClone(document);
  const at = way.slice(0, -1).reduce((value, key) => value[key], copy);
  const key = way.at(-1), value = at[key];
  at[key] = typeof value === 'string' ? `${value.slice(0, -1)}${value.endsWith('1') ? '2' : '1'}` : value + 1;
  return copy;
}
