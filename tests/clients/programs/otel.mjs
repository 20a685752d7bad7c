// 1,000 records by OpenTelemetry's SDK: OTLP in JSON, or protobuf. Arguments: the base URL, the key, a name, json or proto.
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { OTLPLogExporter as Json } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPLogExporter as Proto } from '@opentelemetry/exporter-logs-otlp-proto';

const [url, key, name, encoding] = process.argv.slice(2);
const Exporter = encoding === 'proto' ? Proto : Json;
const exporter = new Exporter({ url: `${url}/v1/logs`, headers: { 'x-api-key': key } });
const provider = new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter })] });
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
