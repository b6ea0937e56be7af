console.log('p2pctl')
