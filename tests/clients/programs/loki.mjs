// 1,000 lines by winston-loki (protobuf) or pino-loki (JSON). Arguments: the base URL, the key, a name, winston or pino.
const [url, key, name, what] = process.argv.slice(2);
const levels = ['debug', 'info', 'warn', 'error'];
if (what === 'winston') {
  const winston = (await import('winston')).default;
  const LokiTransport = (await import('winston-loki')).default;
  const transport = new LokiTransport({
    host: url, basicAuth: `luminalog:${key}`, labels: { app: 'winston-loki' }, interval: 1, json: true, format: winston.format.json(), batching: true,
    gracefulShutdown: false, onConnectionError: (error) => console.error(error),
  });
  const log = winston.createLogger({ level: 'debug', levels: { error: 0, warn: 1, info: 2, debug: 3 }, transports: [transport] });
  for (let number = 0; number < 1000; number += 1) log.log(levels[number % 4], `${name} ${number}`);
  await transport.flush();
  setTimeout(() => process.exit(0), 500);
} else {
  const pino = (await import('pino')).default;
  const transport = pino.transport({
    target: 'pino-loki',
    options: { host: url, basicAuth: { username: 'luminalog', password: key }, labels: { app: 'pino-loki' }, batching: { interval: 1 } },
  });
  const log = pino({ level: 'debug' }, transport);
  for (let number = 0; number < 1000; number += 1) log[levels[number % 4]]({ order: number }, `${name} ${number}`);
  setTimeout(() => process.exit(0), 4000);
}
