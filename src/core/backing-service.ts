/** Programs that keep state because that is what they are for. */
const PROGRAMS = new Set(
  (
    'redis-server valkey-server keydb-server memcached postgres postmaster pg_ctl mysqld mysqld_safe mariadbd mongod ' +
    'rabbitmq-server nats-server etcd consul vault minio zookeeper kafka-server-start.sh elasticsearch opensearch ' +
    'influxd cockroach clickhouse-server dynamodb-local mailhog mailpit nsqd beanstalkd'
  ).split(' '),
)

/** Whether a command is known to be a backing service: one process of it holds the state of all. */
export function isBackingService(command: string): boolean {
  const words = command.trim().split(/\s+/)
  const program = words.find(
    (word, index) => !(index === 0 && word === 'exec') && !/^[A-Za-z_]\w*=/.test(word),
  )
  return PROGRAMS.has(program?.split('/').at(-1) ?? '')
}
