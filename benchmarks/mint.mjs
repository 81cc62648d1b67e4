// mint-filter beside the others: reads {texts, terms, rounds} from a file, prints {seconds, found} of the best round.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { texts, terms, rounds } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const { Mint } = createRequire(process.argv[3] + "/")("mint-filter");
const filter = new Mint(terms);
let seconds = Infinity;
let found = 0;
for (let round = 0; round < rounds; round += 1) {
  const begin = process.hrtime.bigint();
  found = 0;
  for (const text of texts) found += filter.verify(text) ? 0 : 1;
  seconds = Math.min(seconds, Number(process.hrtime.bigint() - begin) / 1e9);
}
console.log(JSON.stringify({ seconds, found }));
