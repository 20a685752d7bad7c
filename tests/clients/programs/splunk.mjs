// 1,000 events by splunk-logging. Argument: a name.
// BLOCK

const [name] = process.argv.slice(2);
const levels = ['debug', 'info', 'warn', 'error'];
let left = 10; // batches, whether they are refused or not
const end = () => { left -= 1; if (!left) process.exit(0); };
for (let number = 0; number < 1000; number += 1) log.send({ message: `${name} ${number}`, severity: levels[number % 4] }, end);
