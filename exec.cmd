@rem npm scripts say "exec node ...", so that no shell stays between npm and the program and takes its signals.
@rem Windows has neither the word nor the need: there, this file runs the rest of the line.
@%*
