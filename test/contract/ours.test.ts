/** The contract, held against our daemon in each of the ways a client can reach it. */
import test from 'ava'
import { controlContract } from './contract.ts'
import { daemonContract, noDaemonContract } from './daemonContract.ts'
import { classic, classicOverTcp, daemonAtFrontDesk, daemonOfNeighbours, daemonOfTenants, frontDesks, neighbours, tenants } from './worlds.ts'

controlContract(test, 'two tenants', tenants)
controlContract(test, 'neighbours', neighbours)
controlContract(test, 'the front desk', frontDesks)
controlContract(test, 'classic', classic)
controlContract(test, 'classic over TCP', classicOverTcp)

daemonContract(test, 'the daemon of two tenants', daemonOfTenants)
daemonContract(test, 'the daemon of neighbours', daemonOfNeighbours)
daemonContract(test, 'the daemon at the front desk', daemonAtFrontDesk)
noDaemonContract(test, 'no daemon behind classic', classic)
noDaemonContract(test, 'no daemon behind classic over TCP', classicOverTcp)
