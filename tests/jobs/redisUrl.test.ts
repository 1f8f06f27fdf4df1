// Tests REDIS_URL: the meaning of each form of the URL, and the errors for invalid URLs.
import { EnvironmentError, parseRedisUrl, readEnvironment } from '@trainyard/jobs';
import { expect, test } from 'vitest';

test.for([
  ['redis://redis.example', { host: 'redis.example', port: 6_379, db: 0 }],
  ['redis://', { host: '127.0.0.1', port: 6_379, db: 0 }],
  ['valkey://ada:open%40sesame%2F%25@[::1]:7/3', { host: '::1', port: 7, username: 'ada', password: 'open@sesame/%', db: 3 }],
  ['redis://:secret@h:1/', { host: 'h', port: 1, password: 'secret', db: 0 }],
  ['redis://ada:p@ss@h:1', { host: 'h', port: 1, username: 'ada', password: 'p@ss', db: 0 }],
  [
    'redis://h?db=2&username=ada&password=p&family=6&protocol=2',
    { host: 'h', port: 6_379, username: 'ada', password: 'p', db: 2, family: 6, protocol: 2 },
  ],
  ['rediss://h:6380', { host: 'h', port: 6_380, db: 0, tls: {}, sentinelTLS: {} }],
  ['valkeys://h', { host: 'h', port: 6_379, db: 0, tls: {}, sentinelTLS: {} }],
  ['redis+unix:///run/redis.sock?db=1&password=p', { path: '/run/redis.sock', password: 'p', db: 1 }],
  ['unix:///run/redis%20server.sock', { path: '/run/redis server.sock', db: 0 }],
  [
    'redis+sentinel://ada:p@a:1,b/mymaster/4?sentinelPassword=s',
    {
      sentinels: [
        { host: 'a', port: 1 },
        { host: 'b', port: 26_379 },
      ],
      name: 'mymaster',
      username: 'ada',
      password: 'p',
      sentinelPassword: 's',
      db: 4,
    },
  ],
] as const)('%s is understood', ([url, target]) => {
  expect(parseRedisUrl(url)).toEqual(target);
});

test.for([
  ['redis+cluster://h:1', /^names a Redis Cluster, which is not supported/],
  ['redis-cluster://h:1', /^names a Redis Cluster, which is not supported/],
  ['localhost:6379', /^must be a URL such as redis:\/\/127\.0\.0\.1:6379$/],
  ['http://h:6379', /^must be a URL such as/],
  ['redis://h/foo', /^must name the database by its number/],
  ['redis://h/1?db=2', /^names two databases/],
  ['redis://h:70000', /^must have a host and a port from 1 to 65535/],
  ['redis://ada:hush#hush@h', /^has a #.*# is %23/],
  ['redis://ada:hush/hush@h', /^must have a host and a port.*\/ is %2F/],
  ['redis://ada:hush%@h', /^has an invalid percent-encoding/],
  ['redis://h,i', /^names several hosts/],
  ['redis://h?hush=1', /^has an unknown parameter.*use only db, username/],
  ['redis://h?ca=/hush', /^has parameters for TLS|cannot be read/],
  ['rediss://h?ca=/hush', /^has a parameter ca with a file that cannot be read \(ENOENT\)$/],
  ['redis+sentinel://h:1', /^must name the primary/],
  ['unix://hush/sock', /^must name the socket by an absolute path/],
] as const)('%s is refused, and the error repeats no secret', ([url, said]) => {
  const refused = (() => {
    try {
      readEnvironment({ REDIS_URL: url });
    } catch (error) {
      if (error instanceof EnvironmentError) return error;
    }
    return null;
  })();
  expect(refused?.issues).toEqual([{ variable: 'REDIS_URL', message: expect.stringMatching(said) as string }]);
  expect(refused?.message).not.toContain('hush');
});
