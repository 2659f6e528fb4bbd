#!/usr/bin/env node
import '../dist/tools/rules/main.js';
