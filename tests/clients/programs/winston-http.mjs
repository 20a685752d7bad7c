// 1,000 entries by winston's own transport, the last with an error. Argument: a name.
// BLOCK

const [name] = process.argv.slice(2);
transport.on('warn', (error) => console.error('warn', error.message));
log.level = 'debug';
const levels = ['debug', 'info', 'warn', 'error'];
for (let number = 0; number < 999; number += 1) log.log(levels[number % 4], `${name} ${number}`, { order: number });
log.error(new Error(`${name} 999`));
