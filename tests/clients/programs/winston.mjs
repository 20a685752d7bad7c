// 1,000 entries by winston, through whatever transport. Argument: a name.
// BLOCK

const [name] = process.argv.slice(2);
transport.on('error', (error) => console.error('error', error.message));
log.level = 'debug';
const levels = ['debug', 'info', 'warn', 'error'];
for (let number = 0; number < 1000; number += 1) log.log(levels[number % 4], `${name} ${number}`, { order: number });
const pause = () => new Promise((done) => setTimeout(done, 1500));
// What is sent in turns is on its way then, and once more by whoever tries again; who is refused may never be done with it.
for (let turn = 0; turn < 3; turn += 1) {
  await pause();
  await Promise.race([transport.flush(), pause()]);
}
process.exit(0);
