// 1,000 entries by pino, through whatever transport. Argument: a name.
// BLOCK

const [name] = process.argv.slice(2);
for (const event of ['error', 'insertError']) transport.on(event, (error) => console.error(event, error.message));
log.level = 'debug';
const levels = ['debug', 'info', 'warn', 'error'];
for (let number = 0; number < 1000; number += 1) log[levels[number % 4]]({ order: number }, `${name} ${number}`);
setTimeout(() => transport.end(), 1500); // it ends when all is sent
setTimeout(() => process.exit(0), 20000).unref();
