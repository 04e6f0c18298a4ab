#!/usr/bin/env node
void require('../dist/cli/entry.cjs').run(process.argv)
