// 999 logs, and one unhandled exception, by Sentry's SDK. Argument: a name.
// BLOCK

const [name] = process.argv.slice(2);
const { logger } = Sentry;
const by = [logger.debug, logger.info, logger.warn, logger.error];
for (let number = 0; number < 999; number += 1) by[number % 4](`${name} ${number}`, { order: number });
await Sentry.flush(10000);

function pay(order) {
  try {
    order.price.toFixed();
  } catch (error) {
    throw new RangeError(`${name} 999`, { cause: error });
  }
}

pay({});
