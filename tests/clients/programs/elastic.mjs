// 1,000 documents by Elastic's client. Argument: a name.
const [name] = process.argv.slice(2);
const levels = ['debug', 'info', 'warn', 'error'];
const documents = Array.from({ length: 1000 }, (_, number) => (
  { '@timestamp': new Date().toISOString(), level: levels[number % 4], message: `${name} ${number}`, order: number }
));

// BLOCK
