#!/usr/bin/env node
'use strict';
// Old syntax on purpose: this file must parse and speak plainly on any Node, before anything newer is loaded.
var fs = require('fs');
var path = require('path');

var root = path.dirname(path.dirname(fs.realpathSync(__filename)));

if (isNewEnough(process.versions.node)) start();
else startOnNewerNode(process.env.PAWL_RELAUNCHED ? null : newestPrivateNode(root));

/** The floor of engines.node: 24.15 is the first release whose node:sqlite is a release candidate. */
function isNewEnough(version) {
  var parts = version.split('.');
  var major = Number(parts[0]);
  return major > 24 || (major === 24 && Number(parts[1]) >= 15);
}

/** A checkout has sources, an installed package has only its build. */
function start() {
  var source = path.join(root, 'src', 'cli', 'main.ts');
  var entry = fs.existsSync(source) ? source : path.join(root, 'dist', 'cli', 'main.js');
  // The entry finds its own path where it would stand if it had been started directly.
  process.argv[1] = entry;
  // A pawl that this one starts decides for itself.
  delete process.env.PAWL_RELAUNCHED;
  import(require('url').pathToFileURL(entry).href).catch(function (error) {
    console.error(error);
    process.exit(70);
  });
}

function startOnNewerNode(node) {
  if (!node) {
    console.error('pawl needs Node.js 24.15 or newer, and this is ' + process.version + '.');
    console.error('Run ./up once (it fetches a private Node.js, no root needed), or install Node.js 24 LTS.');
    process.exit(78);
  }
  var child = require('child_process').spawn(node, process.execArgv.concat([__filename], process.argv.slice(2)), {
    stdio: 'inherit',
    env: Object.assign({}, process.env, { PAWL_RELAUNCHED: '1' }),
  });
  var signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'];
  signals.forEach(function (signal) {
    process.on(signal, function () {
      child.kill(signal);
    });
  });
  child.on('error', function (error) {
    console.error('pawl could not start ' + node + ': ' + error.message);
    process.exit(78);
  });
  child.on('exit', function (code, signal) {
    if (!signal) process.exit(code);
    // Die of the same signal, so that a shell or a supervisor sees what it would have seen without this file.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/** Looks for .toolchain/<name>/bin/node in the folder given and those above it. */
function newestPrivateNode(folder) {
  for (var current = folder; ; current = path.dirname(current)) {
    var found = privateNodesIn(path.join(current, '.toolchain'))[0];
    if (found) return found;
    if (current === path.dirname(current)) return null;
  }
}

function privateNodesIn(toolchain) {
  var names;
  try {
    names = fs.readdirSync(toolchain);
  } catch (_absent) {
    return [];
  }
  return names
    .filter(function (name) {
      return /^node-/.test(name) && isNewEnough(name.slice('node-'.length));
    })
    .sort()
    .reverse()
    .map(function (name) {
      return path.join(toolchain, name, 'bin', 'node');
    })
    .filter(function (file) {
      return fs.existsSync(file);
    });
}
