// SPDX-License-Identifier: Apache-2.0
/*
 * Digital Bazaar's libraries at the service of served.py: reads a JSON array of wishes, writes one of answers.
 *
 *   {"do":"did","seed":N}                        {"did","multibase"}
 *   {"do":"issue","seed":N,"document":{…}}       {"document"}: with a proof
 *   {"do":"verify","document":{…},"tamper":true}
 *       {"verified","set","why","changed":[…]}: its status looked up where it says; every document with one of its
 *       values changed that verifies all the same
 *   {"do":"changed","document":{…}}              {"documents":[…]}: each with one of its values changed
 */
import fs from 'node:fs';

import {changed, isSet, issue, keyOf, leaves, reason, theirVerdict} from './libraries.mjs';

const now = () => new Date();

const deeds = {
  async did({seed}) {
    const key = await keyOf(seed);
    return {did: key.controller, multibase: key.controller.slice('did:key:'.length)};
  },
  async issue({seed, document}) {
    return {document: await issue(document, await keyOf(seed), now())};
  },
  async changed({document}) {
    return {documents: leaves(document).map(way => changed(document, way))};
  },
  async verify({document, tamper}) {
    const result = await theirVerdict(document, now());
    const bent = [];
    for(const way of tamper ? leaves(document) : []) {
      const other = changed(document, way);
      if((await theirVerdict(other, now())).verified) {
        bent.push(way.join('/'));
      }
    }
    return {verified: result.verified, set: isSet(result) ?? null, why: reason(result), changed: bent};
  }
};

const answers = [];
for(const wish of JSON.parse(fs.readFileSync(0, 'utf8'))) {
  answers.push(await deeds[wish.do](wish));
}
console.log(JSON.stringify(answers));
