// The key command of the built service: in an image, where there are no sources.
import '@trainyard/jobs/keyCommand';
