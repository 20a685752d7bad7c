// 1,000 documents by Elastic's client; and as many by pino and by winston through it. Arguments: the base URL, the key, a name, which.
import { Client } from '@elastic/elasticsearch';
import pino from 'pino';
import pinoElastic from 'pino-elasticsearch';

const [url, key, name, what] = process.argv.slice(2);
const levels = ['debug', 'info', 'warn', 'error'];
if (what === 'client') {
  const client = new Client({ node: `${url}/elasticsearch`, auth: { apiKey: key } });
  console.log((await client.info()).version.number);
  const operations = [];
  for (let number = 0; number < 1000; number += 1) {
    operations.push({ create: { _index: 'app-js' } });
    operations.push({ '@timestamp': new Date().toISOString(), level: levels[number % 4], message: `${name} ${number}`, order: number });
  }
  const answer = await client.bulk({ operations });
  console.log(answer.errors, answer.items.length);
} else if (what === 'pino') {
  const stream = pinoElastic({ index: 'app-pino', node: `${url}/elasticsearch`, auth: { apiKey: key }, flushInterval: 200, esVersion: 8 });
  for (const event of ['error', 'insertError']) stream.on(event, (error) => { console.error(event, error.message); });
  const log = pino({ level: 'debug' }, stream);
  for (let number = 0; number < 1000; number += 1) log[levels[number % 4]]({ order: number }, `${name} ${number}`);
  setTimeout(() => process.exit(0), 4000);
} else {
  const winston = (await import('winston')).default;
  const { ElasticsearchTransport } = await import('winston-elasticsearch');
  const transport = new ElasticsearchTransport({
    index: 'app-winston', clientOpts: { node: `${url}/elasticsearch`, auth: { apiKey: key } }, flushInterval: 200, level: 'debug',
  });
  transport.on('error', (error) => console.error('error', error.message));
  const log = winston.createLogger({ levels: { error: 0, warn: 1, info: 2, debug: 3 }, transports: [transport] });
  for (let number = 0; number < 1000; number += 1) log.log(levels[number % 4], `${name} ${number}`, { order: number });
  await new Promise((done) => setTimeout(done, 1500));
  await transport.flush();
  setTimeout(() => process.exit(0), 1500);
}
