// 1,000 records by OpenTelemetry's SDK in JavaScript, the last with an error. Argument: a name.
// BLOCK

const [name] = process.argv.slice(2);
const logger = provider.getLogger('shop');
const numbers = [5, 9, 13, 17];
const texts = ['DEBUG', 'INFO', 'WARN', 'ERROR'];
for (let number = 0; number < 1000; number += 1) {
  const attributes = { order: number };
  if (number === 999) Object.assign(attributes, { 'exception.type': 'E', 'exception.message': 'bad', 'exception.stacktrace': 'a\nb' });
  logger.emit({ severityNumber: numbers[number % 4], severityText: texts[number % 4], body: `${name} ${number}`, attributes });
}
await provider.forceFlush();
await provider.shutdown();
