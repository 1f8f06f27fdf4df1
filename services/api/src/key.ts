// The command that creates API keys, for images, which contain no sources.
import '@trainyard/jobs/keyCommand';
